"""The wall and the sites: who gets in where, what ends when it ends, and a trail that tells when it was touched."""

import time
from datetime import timedelta

from deploy.demo.scenes.buying import need, priced
from deploy.demo.stage import Stage

REVOKED_WITHIN = 5.0


def play(stage: Stage) -> None:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("6. The wall and the sites")
    an_agreement_that_ended(stage)
    a_revoked_grant(stage)
    one_plane_at_a_time(stage)
    the_trail(stage)


def an_agreement_that_ended(stage: Stage) -> None:
    """The MSO has no access to the AZ site any more; its own clinical owner has."""
    orders = f"{stage.site('SCT', 'procurement')}/orders"
    words = "Priya Shah of the office looks at Scottsdale's orders; the agreement there ended yesterday"
    manager = "So does Kay Brooks, the MSO's manager there"
    for who, told in (("priya.shah", words), ("kay.brooks", manager)):
        shut = stage.person(who).call("GET", orders)
        stage.refused(
            shut, 403, "refused", told,
            policy="wall.agreement-in-force", why="only while a management services agreement is in force",
            source="governance.msa.sign",
        )  # fmt: skip
    owner = stage.person("dr.begay").call("GET", orders)
    stage.expect(
        owner, 200, "Dr. Begay, who owns Saguaro Skin PLLC, still gets in", lambda it: f"{len(it['items'])} orders"
    )


def a_revoked_grant(stage: Stage) -> None:
    """A role stops working within five seconds of its end."""
    admin, finn = stage.person("avery.cole"), stage.person("finn.hart")
    path, grants = f"{stage.site('BKN', 'procurement')}/orders", "/v1/network/gateway/grants"
    for left in admin.all(grants, user_id=stage.ids["finn.hart"], role="front_desk"):
        if left["scope_id"] == stage.ids["BKN"] and not left["revoked_at"]:  # of a telling that was interrupted
            admin.post(f"{grants}/{left['id']}/revocation")
    body = {
        "user_id": stage.ids["finn.hart"],
        "role": "front_desk",
        "scope_kind": "location",
        "scope_id": stage.ids["BKN"],
        "ends_on": str(stage.today + timedelta(days=7)),
    }
    grant = admin.post(grants, body)
    words = "Finn Hart helps out in Brooklyn for a week"
    stage.eventually(lambda: finn.call("GET", path).ok, words, "200 he sees its orders")
    admin.post(f"{grants}/{grant['id']}/revocation")
    began = time.monotonic()
    while (shut := finn.call("GET", path)).ok:
        stage.require(time.monotonic() - began < REVOKED_WITHIN, "a revoked grant still works after five seconds")
        time.sleep(0.1)
    seconds = time.monotonic() - began
    words = f"The administrator revokes it; {seconds:.1f} s later (at most {REVOKED_WITHIN:.0f}) it is shut for Finn"
    stage.refused(shut, 404, "not-found", words)


def one_plane_at_a_time(stage: Stage) -> None:
    """Jo Rivera manages Austin and treats patients there: each session is one or the other."""
    business, clinical = stage.person("jo.rivera", "business"), stage.person("jo.rivera", "clinical")
    charges = f"{stage.site('AUS', 'billing')}/charges"
    words = "Jo Rivera, manager and nurse in Austin, looks at patient charges as a manager"
    refused = business.call("GET", charges, purpose="treatment")
    stage.refused(refused, 403, "refused", words, policy="wall.patient-data", why="purpose grant", source="hipaa.baa")
    seen = clinical.call("GET", charges, purpose="treatment")
    stage.expect(seen, 200, "Signed in on the clinical plane she sees them")
    approval = f"{asked_for_austin(stage)}/approval"
    words = "And as a nurse she approves no purchase"
    stage.refused(
        clinical.call("POST", approval, {}), 403, "refused", words,
        policy="wall.plane", why="A session acts on one plane", source="cpom.separate_entities",
    )  # fmt: skip

    done = business.call("POST", approval, {})
    stage.expect(done, 200, "As a manager she approves it", lambda it: f"{it['number']} {it['status']}")


def asked_for_austin(stage: Stage) -> str:
    """The office asks for a carton of paper for Austin; returns the requisition's URL."""
    priya, at = stage.person("priya.shah"), stage.site("AUS", "procurement")
    paper = next(item for item in priya.all(f"{at}/items", item_class="business") if "paper" in item["name"].lower())
    lines = [need(priced(stage, "priya.shah", "AUS", paper), "1")]
    made = priya.call("POST", f"{at}/requisitions", {"lines": lines, "submit": True})
    stage.expect(made, 201, "Priya asks for paper for Austin", lambda it: f"{it['number']}, {it['total']} USD")
    return f"{at}/requisitions/{made['id']}"


def the_trail(stage: Stage) -> None:
    """The audit chain of the organization verifies."""
    found = stage.person("ruth.adler").get("/v1/network/gateway/audit/verification").body
    stage.require(found["sound"], f"the audit chain is sound: {found}")
    stage.tell("Ruth Adler, compliance officer, has the audit chain verified", f"sound: {found['entries']} entries")
    decisions = stage.person("ruth.adler").get("/v1/network/gateway/reserved-decisions", limit=200).body["items"]
    stage.require(len(decisions) > 0, "reserved decisions are on record")
    newest = decisions[0]
    stage.tell(
        f"{len(decisions)} reserved decisions are on record; the newest",
        f"{newest['summary']}, by {newest['decided_by_name']}",
    )
