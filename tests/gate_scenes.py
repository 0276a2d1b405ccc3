"""The parts of the small world that `gate_model` explores: which acts, beginning where, and how far."""

from __future__ import annotations

from gate_model import Scene
from gate_oracle import Act

REGISTER = Act("register", "reg")
AUDIT = Act("audit", "reg", detail="r1")
COMPLIANCE = Act("approve", "ann", "compliance")
RISK = Act("approve", "bob", "model-risk")
ASKED = (REGISTER, AUDIT)
RELEASED = (*ASKED, COMPLIANCE, RISK)
GLASS = (Act("glass", "ann"), Act("glass", "bob"))
TICKS = (Act("tick", detail="72h"), Act("tick", detail="30d"))
TAKEN_BACK = Act("withdraw", "ann")
P1, P2 = Act("switch", detail="P1"), Act("switch", detail="P2")
ADOPTED = (Act("endorse", "ann", detail="P2"), Act("endorse", "bob", detail="P2"))
AGAIN = (Act("endorse", "ann", detail="P1"), Act("endorse", "bob", detail="P1"))


def _about(subject: str) -> tuple[Act, ...]:
    return (
        Act("approve", "ann", "compliance", subject),
        Act("approve", "bob", "model-risk", subject),
    )


EVIDENCE = Scene(
    "evidence",
    (
        *(Act("audit", "reg", detail=detail) for detail in ("r1", "r2", "other-data", "adverse", "validated-anew")),
        Act("audit", "reg", detail="same-report"),
        COMPLIANCE,
        RISK,
        Act("approve", "ann", "compliance", detail="stale"),
        Act("monitor", detail="quiet"),
        Act("monitor", detail="adverse"),
        *TICKS,
        TAKEN_BACK,
    ),
    ((REGISTER,), ASKED, RELEASED),
    3,
)

PERSONS = Scene(
    "persons",
    (
        COMPLIANCE,
        RISK,
        Act("approve", "ann", "model-risk"),
        Act("approve", "bob", "compliance"),
        Act("approve", "reg", "compliance"),
        Act("approve", "eve", "compliance"),
        Act("approve", "dee", "compliance"),
        Act("approve", "dee", "model-risk"),
        Act("ask", "bob"),
        Act("audit", "bob", detail="r1"),
        Act("register", "reg", detail="ann"),
        Act("register", ""),
        Act("added", "dee"),
        Act("disable", "ann"),
        Act("lock", "bob"),
        TAKEN_BACK,
    ),
    ((), ASKED, RELEASED, (Act("register", ""), AUDIT)),
    3,
)

DELEGATION = Scene(
    "delegation",
    (
        Act("delegate", "ann", "compliance", detail="dee"),
        Act("delegate", "reg", "compliance", detail="dee"),
        Act("delegate", "dee", "compliance", detail="bob"),
        Act("revoke", "ann"),
        Act("approve", "dee", "compliance", detail="for ann"),
        Act("approve", "dee", "compliance", detail="for reg"),
        Act("approve", "bob", "compliance", detail="for dee"),
        Act("approve", "ann", "model-risk"),
        RISK,
        Act("disable", "ann"),
        Act("disable", "dee"),
        Act("ask", "dee"),
        TICKS[1],
    ),
    (ASKED, (*ASKED, Act("delegate", "ann", "compliance", detail="dee"))),
    3,
)

BYTES = Scene(
    "bytes",
    (
        *_about("B1"),
        *_about("A2"),
        Act("approve", "ann", "compliance", "B1", detail="replay"),
        Act("approve", "reg", "compliance", "A2"),
        Act("approve", "ann", "compliance", target="production"),
        Act("approve", "bob", "model-risk", target="production"),
        Act("refuse", "ann", "compliance"),
        Act("refuse", "bob", "model-risk", target="production"),
        Act("refuse", "bob", "model-risk", "B1"),
        TAKEN_BACK,
        COMPLIANCE,
    ),
    (
        (*RELEASED, Act("register", "dee", subject="B1"), Act("audit", "dee", subject="B1", detail="r1")),
        (*RELEASED, Act("register", "dee", subject="A2"), Act("audit", "dee", subject="A2", detail="r1")),
    ),
    3,
)

POLICY = Scene(
    "policy",
    (
        P1,
        P2,
        *(Act("endorse", who, detail="P2") for who in ("ann", "bob", "reg", "dee", "eve")),
        *AGAIN,
        *(Act("disable", who) for who in ("ann", "bob", "reg")),
        AUDIT,
        COMPLIANCE,
        RISK,
    ),
    ((), RELEASED),
    3,
)

POLICY_CHANGES = Scene(
    "policy changes",
    (P1, P2, *AGAIN, *ADOPTED, AUDIT, COMPLIANCE, RISK),
    (
        (REGISTER, P2, AUDIT, COMPLIANCE, RISK),
        (REGISTER, *ADOPTED, P2, AUDIT),
        (REGISTER, *ADOPTED, AUDIT),
        (REGISTER, *ADOPTED, AUDIT, COMPLIANCE, RISK),
    ),
    3,
)

EMERGENCY = Scene(
    "emergency",
    (
        *GLASS,
        Act("glass", "reg"),
        Act("glass", "dee"),
        Act("glass", "eve"),
        Act("glass", "bob", detail="999"),
        Act("glass", "ann", target="production"),
        Act("glass", "ann", subject="B1"),
        Act("audit", "reg", detail="adverse"),
        Act("register", ""),
        Act("refuse", "bob", "model-risk"),
        Act("ask", "bob"),
        Act("disable", "ann"),
        TAKEN_BACK,
        *TICKS,
    ),
    ((REGISTER,), (REGISTER, *GLASS), (Act("register", ""),)),
    3,
)

GLASS_AGAIN = Scene(
    "glass again",
    (*GLASS, Act("glass", "bob", detail="999"), TAKEN_BACK, P2, *AGAIN, *ADOPTED, TICKS[0]),
    ((REGISTER,), (REGISTER, *GLASS), (REGISTER, *GLASS, TAKEN_BACK), (REGISTER, *ADOPTED)),
    3,
)

ON_TERMS = Act("approve", "ann", "compliance", terms="dee")
RISK_ON_TERMS = Act("approve", "bob", "model-risk", terms="dee")
RISK_ON_OWN_TERMS = Act("approve", "bob", "model-risk", terms="bob")

CONDITIONS = Scene(
    "conditions",
    (
        ON_TERMS,
        RISK_ON_TERMS,
        COMPLIANCE,
        RISK,
        *(Act("met", who, detail="ann") for who in ("ann", "bob", "reg", "dee", "eve")),
        *(Act("met", who, detail="bob") for who in ("ann", "bob")),
        Act("met", "dee", "for ann", detail="bob"),
        Act("delegate", "ann", "model-risk", detail="dee"),
        Act("revoke", "ann"),
        Act("register", "dee", detail="ann"),
        Act("lock", "ann"),
        TAKEN_BACK,
        *TICKS,
    ),
    (
        (*ASKED, ON_TERMS, RISK),
        (*ASKED, ON_TERMS, RISK_ON_TERMS),
        (*ASKED, COMPLIANCE, RISK_ON_OWN_TERMS),
        (*ASKED, Act("delegate", "ann", "model-risk", detail="dee"), COMPLIANCE, RISK_ON_OWN_TERMS),
    ),
    3,
)

_PARTS = (EVIDENCE, PERSONS, DELEGATION, BYTES, POLICY, POLICY_CHANGES, EMERGENCY, GLASS_AGAIN, CONDITIONS)

EVERYTHING = Scene(
    "everything",
    tuple(dict.fromkeys(act for part in _PARTS for act in part.menu)),
    (RELEASED,),
    2,
)

SCENES = (*_PARTS, EVERYTHING)
