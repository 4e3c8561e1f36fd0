"""The how-to pages, walked call by call as their readers would."""
