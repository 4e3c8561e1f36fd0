"""Tells long polls that the process is going down."""

import threading

stopping = threading.Event()
