"""The local account of a person, and the guard that slows down guessing."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, OrganizationOwned

FREE_FAILURES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


class LocalAccount(OrganizationOwned, Base):
    """A person's password. A `one_time` one, given by somebody else, opens nothing until its owner changed it."""

    __tablename__ = "local_account"
    __platform__ = True

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    password_hash: Mapped[str]
    one_time: Mapped[bool]


class SignInGuard(Base):
    """Failures in a row for one e-mail address, whether or not anybody has it: locking tells no stranger who does."""

    __tablename__ = "sign_in_guard"
    __platform__ = True

    email_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    tried_at: Mapped[datetime] = mapped_column(index=True)

    def blocked_until(self) -> datetime | None:
        """After five failures a minute, then twice as long each time, an hour at most."""
        if self.failures < FREE_FAILURES:
            return None
        wait: timedelta = min(FIRST_WAIT * 2 ** min(self.failures - FREE_FAILURES, 10), LONGEST_WAIT)
        return self.tried_at + wait
