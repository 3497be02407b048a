"""The read path: applications, chats, messages, search."""
