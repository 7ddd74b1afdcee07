# SPDX-License-Identifier: GPL-2.0-or-later
"""What is run: the functions, their arrival trace, the policies and their settings."""
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SIM = os.path.join(os.path.dirname(HERE), "sim")

# name: (policy, parameters); what is not said has its default
POLICIES = {
	"fixed": ("fixed", {}),
	"adaptive": ("adaptive", {}),
	"medes": ("medes", {"objective": "memory"}),
	"medes-p2": ("medes", {"objective": "latency"}),
}
DEFAULT_POLICIES = ("fixed", "adaptive", "medes")

# seconds, of the parameters that are periods: scaled together with the trace
PERIODS = {"interval": 1, "idle": 60, "keep_alive": 600, "keep_dedup": 7200, "window": 60}


def read_workload():
	"""[(function, kind of arrivals)]"""
	with open(os.path.join(HERE, "workload")) as file:
		lines = [line.strip() for line in file]
	return [tuple(line.split("=")) for line in lines if line and not line.startswith("#")]


class Workload:
	def __init__(self, chosen):
		self._chosen = chosen
		self._kinds = read_workload()
		self.functions = [name for name, _ in self._kinds]
		self.trace = os.path.join(chosen.out, "trace.txt")

	def write_trace(self):
		chosen = self._chosen
		with open(self.trace, "w") as file:
			subprocess.run([os.path.join(SIM, "medes-trace"), "--seed", str(chosen.seed),
					"--seconds", str(chosen.seconds), "--factor", str(chosen.factor)]
				       + [f"{name}={kind}" for name, kind in self._kinds],
				       stdout=file, check=True)


def parameters(policy, factor):
	"""A policy's own parameters and the scaled periods, as medesd.conf has them."""
	name, own = POLICIES[policy]
	periods = {key: f"{round(1000 * seconds * factor)}ms" for key, seconds in PERIODS.items()}
	return name, {**periods, **own}
