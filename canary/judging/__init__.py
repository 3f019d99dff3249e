"""Judgement of a release: one leading controller, its evidence, and the verdicts that it acts on."""
