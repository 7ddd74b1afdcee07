# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Part of tools/vm/run: starts and ends the QEMU of each guest, and judges what
# it left.

# accelerator: KVM only where it really works. /dev/kvm may exist and yet hang an
# ordinary guest, so the processor must say that it can, and one boot per boot of
# the host must have answered.
accelerator() {
	local verdict
	verdict=$CACHE/kvm-$(tr -d - < /proc/sys/kernel/random/boot_id)
	if ! grep -qwE 'vmx|svm' /proc/cpuinfo || [ ! -w /dev/kvm ]; then
		echo tcg,thread=multi
		return
	fi
	if [ ! -e "$verdict" ]; then
		rm -f "$CACHE"/kvm-*
		# an initrd without the disks it waits for panics at once: an answer
		if timeout -s KILL 30 qemu-system-x86_64 -accel kvm -cpu max -m 512 -nodefaults -no-reboot \
			-display none -kernel "$kerneldir/vmlinux" -initrd "$initrd" \
			-append "panic=-1 console=ttyS0" > /dev/null 2>&1; then
			echo kvm > "$verdict"
		else
			echo tcg,thread=multi > "$verdict"
		fi
	fi
	cat "$verdict"
}

# clock: kernel parameters for a guest whose time stamp counter is the host's; see
# tsc-khz.c. None where the host's own counter can't be relied on.
clock() {
	local khz
	khz=$CACHE/tsc-$(tr -d - < /proc/sys/kernel/random/boot_id)
	[ "$(accelerator)" != kvm ] && grep -qw constant_tsc /proc/cpuinfo || return 0
	[ -e "$khz" ] || with_lock "$CACHE/tsc.lock" measure_clock "$khz"
	echo " tsc=reliable tsc_early_khz=$(cat "$khz")"
}

measure_clock() {
	[ ! -e "$1" ] || return 0
	rm -f "$CACHE"/tsc-*
	in_root "$rootdir/root" -b "$VM_DIR:/src" bash -c \
		'gcc -O2 -Wall -o /tmp/tsc-khz /src/tsc-khz.c && /tmp/tsc-khz' > "$1.new"
	mv "$1.new" "$1"
}

# network K: guest 1 is the hub; the others plug in by a unix socket each. Sockets
# push back where a multicast group would drop.
network() {
	local k=$1 j card=virtio-net-pci
	[ "$nodes" -gt 1 ] || return 0
	if [ "$k" = 1 ]; then
		for ((j = 2; j <= nodes; j++)); do
			qemu+=(-netdev "stream,id=s$j,server=on,addr.type=unix,addr.path=$dir/net.$j"
				-netdev "hubport,id=h$j,hubid=0,netdev=s$j")
		done
		qemu+=(-netdev hubport,id=net,hubid=0)
	else
		qemu+=(-netdev "stream,id=net,server=off,addr.type=unix,addr.path=$dir/net.$k")
	fi
	# soft RoCE frees the packets of a queue pair that has failed with interrupts off: with
	# virtio-net's pages lockdep complains of that, rightly, and is off from then on
	[ "$kernel" = stock ] || card=e1000e
	qemu+=(-device "$card,netdev=net,romfile=,mac=52:54:00:4d:45:0$k")
}

disk() { qemu+=(-drive "file=$1,if=none,id=$2,format=raw,readonly=on" -device "virtio-blk-pci,drive=$2"); }

start_guest() {
	local k=$1 args
	mkdir -p "$dir/ctl/$k"
	: > "$dir/ctl/$k/out"
	: > "$dir/ctl/$k/err"
	mkfifo "$dir/port.$k.in"
	ln -s events "$dir/port.$k.out"
	args="console=ttyS0 loglevel=5 panic=-1 oops=panic net.ifnames=0 mitigations=off log_buf_len=4M"
	args+=" sysctl.kernel.hung_task_panic=1 sysctl.kernel.hung_task_timeout_secs=120"
	# a soft lockup (two thresholds) must come before the other watchdogs speak: what
	# they print resets it
	args+=" sysctl.kernel.softlockup_panic=1 sysctl.kernel.watchdog_thresh=20"
	args+=" rcupdate.rcu_cpu_stall_timeout=60 sysctl.kernel.panic_on_rcu_stall=1"
	args+=" workqueue.watchdog_thresh=90"
	# as the stock kernel has it; what is left in unwritten memory hides leaks
	[ "$kernel" = stock ] || args+=" init_on_alloc=1"
	# a starved emulator loses the ticks by which the timer's interrupt is tried out at boot
	args+=" no_timer_check"
	args+="$(clock)"
	args+=" vm.node=$k vm.nodes=$nodes${share:+ vm.share=1}"
	qemu=(qemu-system-x86_64 -M q35 -accel "$(accelerator)" -cpu "max,la57=off,avx2=off,erms=off" -smp "$smp" -m "$mem"
		-nodefaults -no-reboot -display none -serial "file:$dir/console.$k"
		-kernel "$kerneldir/vmlinux" -initrd "$initrd" -append "$args"
		-device virtio-rng-pci -device isa-debug-exit,iobase=0xf4,iosize=0x1
		-fsdev "local,id=ctl,path=$dir/ctl,security_model=none"
		-device virtio-9p-pci,fsdev=ctl,mount_tag=ctl
		-device virtio-serial-pci -chardev "pipe,id=port,path=$dir/port.$k"
		-device virtserialport,chardev=port,name=medes.ctl)
	disk "$rootdir/root.erofs" root
	[ "$kernel" = stock ] || disk "$kerneldir/modules.erofs" modules
	disk "$dir/stage.erofs" stage
	[ -z "$share" ] || qemu+=(-fsdev "local,id=share,path=$share,security_model=none,multidevs=remap"
		-device virtio-9p-pci,fsdev=share,mount_tag=share)
	network "$k"
	# a guest never outlives this script, however that ends
	setpriv --pdeathsig KILL "${qemu[@]}" < /dev/null > "$dir/qemu.$k" 2>&1 &
	pid[k]=$!
	announce "${pid[k]}" "$k exit ${pid[k]}"
	[ "$k" != 1 ] || [ "$nodes" = 1 ] || until_exists "$dir/net.$nodes" "${pid[k]}"
}

start_all() {
	local k
	for ((k = 1; k <= nodes; k++)); do start_guest $k; done
	follow 1
}

# died_of_emulation K: the emulator let guest K run an instruction that was being patched
# a moment ago (one processor invalidates its translation, another translates the old
# bytes once more before the new ones are stored). No code of the guest's can cause it.
died_of_emulation() { grep -q "Oops: int3" "$dir/console.$1"; }

# worth_a_boot K: guest K died so, and a boot is all that it had done
worth_a_boot() { [ "$boots" -lt 3 ] && died_of_emulation "$1"; }

start_again() {
	local k
	boots=$((boots + 1))
	say "a guest died of a stray breakpoint while it booted: starting again"
	for ((k = 1; k <= nodes; k++)); do power_off $k; done
	dead=()
	rm -rf "$dir"/port.* "$dir"/net.* "$dir"/ctl/[1-4]
	start_all
}

# start_killed K: the power of guest K, not the first, comes back
start_killed() {
	unset "dead[$1]" "asked[$1]"
	rm -rf "$dir/port.$1".* "$dir/ctl/$1"
	start_guest "$1"
}

# announce PID EVENT: when PID has ended. Nothing in the background may hold standard
# output: who reads it would wait for that, too.
announce() { (tail --pid="$1" -s 0.05 -f /dev/null; echo "$2" > "$dir/events") > /dev/null 2>&1 & }

# until_exists FILE PID: waits until FILE is there or PID is gone
until_exists() {
	while [ ! -e "$1" ] && kill -0 "$2" 2>/dev/null; do sleep 0.05; done
}

send() { [ -n "${dead[$1]:-}" ] || echo "$2" 1<> "$dir/port.$1.in"; }

power_off() {
	kill -KILL "${pid[$1]}" 2>/dev/null || true
	wait "${pid[$1]}" 2>/dev/null || true
	dead[$1]=1
}

# follow K: the output of guest K, as it comes
follow() {
	tail -q -c +1 -s 0.05 -f --pid="${pid[$1]}" "$dir/ctl/$1/out" &
	tails=$!
	tail -q -c +1 -s 0.05 -f --pid="${pid[$1]}" "$dir/ctl/$1/err" >&2 &
	tails+=" $!"
}

# end_guests: guest 1 has ended, or all is lost; the others get half a minute
end_guests() {
	local k wait_until=$((SECONDS + 30))
	[ "$kernel" = stock ] || wait_until=$((SECONDS + 120))
	for ((k = 2; k <= nodes; k++)); do
		[ -z "$timed_out" ] && [ -e "$dir/ctl/1/status" ] || break
		send $k end
	done
	for ((k = 2; k <= nodes; k++)); do
		while [ -e "$dir/ctl/1/status" ] && [ $SECONDS -lt $wait_until ] &&
			kill -0 "${pid[k]}" 2>/dev/null; do sleep 0.05; done
	done
	for ((k = 1; k <= nodes; k++)); do power_off $k; done
	# shellcheck disable=SC2086
	wait $tails 2>/dev/null || true
}

console_end() {
	echo "--- guest $1, end of its console:" >&2
	tail -n 90 "$dir/console.$1" 2>/dev/null | tr -d '\r' >&2
	cat "$dir/qemu.$1" >&2
	echo "---" >&2
}

# complaints K: what the kernel of guest K had to complain about; its whole log
# when it lived to give it, else what the console shows
complaints() {
	local mine=$dir/ctl/$1 log=$dir/ctl/$1/dmesg status=0
	[ -e "$log" ] || log=$dir/console.$1
	if grep -qE -f "$VM_DIR/complaints" "$log"; then
		say "guest $1: the kernel complains:"
		grep -m 5 -E -A 40 -f "$VM_DIR/complaints" "$log" | head -n 120 | tr -d '\r' >&2
		status=1
	fi
	if [ -s "$mine/kmemleak" ]; then
		say "guest $1: kmemleak found leaks:"
		head -n 60 "$mine/kmemleak" >&2
		status=1
	fi
	if [ -e "$mine/debug_locks" ] && ! grep -qE 'debug_locks: +1$' "$mine/debug_locks"; then
		say "guest $1: lockdep has turned itself off ($(tr -s ' ' < "$mine/debug_locks"))"
		status=1
	fi
	return $status
}

# judge: exits with the command's status, if nothing speaks against it
judge() {
	local k word status=0 quiet=1
	for ((k = 1; k <= nodes; k++)); do
		[ -e "$dir/ctl/$k/status" ] || [ -n "${asked[$k]:-}" ] && continue
		[ $status != 0 ] || status=124
		if [ -n "$timed_out" ]; then
			say "guest $k: no end after $timeout s"
		elif [ -z "$lost" ] || [ "$k" = "$lost" ]; then
			say "guest $k died"
			! died_of_emulation "$k" || status=125
		else
			continue
		fi
		console_end $k
	done
	[ $status = 0 ] || exit $status
	for ((k = 1; k <= nodes; k++)); do complaints $k || quiet=; done
	read -r word status < "$dir/ctl/1/status"
	[ "$word" = ended ] || exit 124
	if [ -z "$quiet" ] && [ "$status" = 0 ]; then
		say "the command succeeded, but the run fails for the kernel's complaints"
		exit 1
	fi
	exit "$status"
}
