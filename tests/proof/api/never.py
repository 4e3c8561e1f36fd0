"""Operations that a long run cannot bring to a 2xx, and why; any other that it does not is a finding."""

_ALIVE = "No event dies on a healthy platform; tests/ops/test_drills.py and the proof of faults have one replayed."
_SPARED = "It is turned away from the rows that let the people of the run work (aim.py), and there are no others."
NEVER = {
    **{
        f"POST /v1/network/{service}/dead-letters/{{letter_id}}/{verb}": _ALIVE
        for service in ("gateway", "procurement", "hr", "billing")
        for verb in ("replay", "discard")
    },
    "POST /v1/entities/{in_entity}/gateway/agreements/{agreement_id}/end": _SPARED,
    "POST /v1/entities/{in_entity}/gateway/agreements/{agreement_id}/signature": _SPARED,
    "POST /v1/entities/{in_entity}/gateway/business-associate-agreements/{agreement_id}/end": _SPARED,
    "POST /v1/entities/{in_entity}/gateway/purposes/{purpose_id}/revocation": _SPARED,
}
