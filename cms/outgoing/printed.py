"""Mails on the terminal, for `EMAIL_URL=console:`. Django's own prints them encoded, which breaks long links in two."""

from django.core.mail import EmailMessage
from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    def write_message(self, message: EmailMessage) -> None:
        head = {"Subject": message.subject, "From": message.from_email, "To": ", ".join(message.to)}
        lines = [*(f"{name}: {value}" for name, value in head.items()), "", message.body, "-" * 79, ""]
        self.stream.write("\n".join(map(str, lines)))
