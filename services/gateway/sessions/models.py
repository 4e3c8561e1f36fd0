"""The session: one person on one plane. Its refresh tokens are used once; a second use ends the whole family."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned

# A working day; idle sessions end sooner because their refresh token does.
LONGEST = timedelta(hours=14)
IDLE = timedelta(hours=4)
ACCESS = timedelta(minutes=10)


class SignedIn(HasId, OrganizationOwned, Base):
    """A session. Sessions that came from one sign-in by changing the plane are a family."""

    __tablename__ = "user_session"
    __platform__ = True

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    family_id: Mapped[UUID] = mapped_column(index=True)
    plane: Mapped[str]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]

    def end(self, at: datetime, because: str) -> None:
        """Safe to repeat: the first end counts."""
        if self.ended_at is None:
            self.ended_at, self.ended_because = at, because


class RefreshToken(HasId, OrganizationOwned, Base):
    """A token that gets its session a new access token, once. Only its hash is kept."""

    __tablename__ = "refresh_token"
    __platform__ = True

    session_id: Mapped[UUID] = mapped_column(ForeignKey("user_session.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
