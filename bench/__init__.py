"""What Leadstream costs: throughput, delay and memory, beside Faust and quixstreams. `python -m bench --help`."""
