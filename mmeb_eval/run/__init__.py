"""Run evaluations: embed queries and candidates, rank the candidates, write results."""
