"""The untrusted half: closing, linking, rewriting and gates. Whatever it gets wrong, the verifier rejects."""
