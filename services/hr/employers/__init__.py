"""Which entity may employ whom, where: the employer-of-record rule and the dual-role rule."""
