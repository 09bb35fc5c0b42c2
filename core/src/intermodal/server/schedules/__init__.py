"""What deployed functions do by themselves (deploy.schedule): when, once per slot, whatever clock and server do."""
