"""The rules of the house: functions that take ``(session, actor, ...)``, flush and never commit."""
