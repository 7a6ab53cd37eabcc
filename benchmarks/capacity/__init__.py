"""`python -m benchmarks capacity`: what one core answers, and what many requests take."""
