"""The whole of Leadstream on one machine: embedded servers and six services, kept running by supervisord."""
