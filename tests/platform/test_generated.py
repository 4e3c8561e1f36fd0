"""Files that are written from the code."""

from services.gateway.apidocs import write
from tests.platform.test_setup import ROOT


def test_the_committed_api_documents_are_what_the_code_says() -> None:
    behind = [str(path) for path, content in write.generate().items() if (ROOT / path).read_bytes() != content]
    assert behind == [], "run: make openapi"
