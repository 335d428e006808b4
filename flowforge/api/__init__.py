"""The HTTP door: routes that read a request, open one transaction, call one service, answer."""
