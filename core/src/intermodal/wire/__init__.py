"""One message protocol over any duplex byte stream: frames, payloads, shared memory."""
