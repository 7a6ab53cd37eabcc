"""`phasekey reproduce`: the paper's Tables 1 and 2 from our own runs, beside the published figures."""
