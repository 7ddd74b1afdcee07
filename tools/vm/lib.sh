# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the scripts of the VM runner share: where the cache is, how a cached
# thing is made so that an interruption leaves nothing half made, how a
# command runs inside the root.

VM_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=$(readlink -f "$VM_DIR/../..")
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/medes
MEDES_KERNEL=${MEDES_KERNEL:-7.3}
SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
export MEDES_KERNEL

say() { echo "${0##*/}: $*" >&2; }
die() { say "$*"; exit 1; }

# digest: stdin -> 12 hex digits, enough to name a cache entry
digest() { sha256sum | cut -c1-12; }

# with_lock FILE COMMAND...: one at a time; says so when it has to wait
with_lock() {
	local file=$1 fd
	shift
	mkdir -p "$(dirname "$file")"
	exec {fd}>"$file"
	if ! flock -n "$fd"; then
		say "waiting for another run (${file##*/})"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}

# fresh_tmp NAME: an empty $CACHE/NAME.tmp; what an interrupted run left is
# removed. The caller holds the lock that covers NAME.
fresh_tmp() {
	rm -rf --one-file-system "$CACHE/$1.tmp"
	mkdir -p "$CACHE/$1.tmp"
	echo "$CACHE/$1.tmp"
}

# expire: what no run has used for 30 days makes place for something new
expire() {
	find "$CACHE" -mindepth 1 -maxdepth 1 -mtime +30 \( -name 'root-*' -o -name 'debug-*' \
		-o -name 'build-*' -o -name 'initrd-*' -o -name 'kernel-tools-*' \) -exec rm -rf {} +
}

# mirror: the Debian archive that the host's own apt uses, whatever the form of
# its sources: apt itself is asked, so nothing has to be parsed here.
mirror() {
	local host uri
	host=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# others may serve a suite of that name; Debian's archive ends in /debian by custom
	uri=$(apt-get update --print-uris 2>/dev/null |
		sed -nE "s#^'([^']*)/dists/($host|stable|bookworm|trixie)/main/binary-[^']*/Packages.*#\\1#p" |
		awk '!any {any = $0} /debian\/*$/ && !debian {debian = $0} END {print debian ? debian : any}')
	# cloud images name a list of mirrors
	case $uri in
	mirror+file:*) uri=$(awk '/^[a-z]+:/ {print $1; exit}' "/${uri#mirror+file:*/}") ;;
	esac
	[ -n "$uri" ] || die "apt's sources name no Debian archive (suite '$host', component main); add one to /etc/apt"
	echo "${uri%/}"
}

# sources: the sources.list of the root, one line a suite
sources() {
	local uri
	uri=$(mirror)
	echo "deb [signed-by=$KEYRING] $uri $SUITE main"
	echo "deb [signed-by=$KEYRING] $uri $SUITE-backports main"
}

# root_apt TOOL ARGS...: apt-get or apt-cache that looks at the root's suites,
# not at the host's, and keeps its state in $APT_STATE
root_apt() {
	local tool=$1
	shift
	"$tool" -o Dir::Etc::SourceList="$APT_STATE/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$APT_STATE" -o Dir::State::Lists="$APT_STATE/lists" \
		-o Dir::State::status="$APT_STATE/status" -o Dir::Cache="$APT_STATE" \
		-o Acquire::Languages=none -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o APT::Sandbox::User=root "$@"
}

# root_apt_start: fetches the lists that root_apt needs, into a directory of its own
root_apt_start() {
	APT_STATE=$1
	mkdir -p "$APT_STATE/lists/partial" "$APT_STATE/archives/partial"
	: > "$APT_STATE/status"
	sources | grep backports > "$APT_STATE/sources.list"
	root_apt apt-get -qq update >&2
}

# in_root ROOT [-b FROM:TO]... COMMAND...: runs COMMAND in the root, which it
# sees read-only; mounts live in a name space of their own and vanish with it.
# Compilers are ccache's: the same source gives the same object at once, in
# whatever copy of the tree, however new its files.
in_root() {
	local root=$1 binds=() path=/usr/sbin:/usr/bin
	shift
	if [ -d "$root/ccache" ]; then
		mkdir -p "$CACHE/ccache"
		binds=("$CACHE/ccache:/ccache")
		path=/usr/lib/ccache:$path
	fi
	while [ "${1:-}" = -b ]; do
		binds+=("$2")
		shift 2
	done
	unshare -m --propagation private bash -c '
		set -e
		root=$1 path=$2; shift 2
		mount --bind "$root" "$root"
		mount -o remount,bind,ro "$root"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --rbind /sys "$root/sys"
		mount -t tmpfs tmpfs "$root/tmp"
		mount -t tmpfs tmpfs "$root/run"
		while [ "$1" != -- ]; do
			mount --bind "${1%%:*}" "$root${1#*:}"
			shift
		done
		shift
		exec chroot "$root" /usr/bin/env -i PATH="$path" HOME=/tmp \
			LANG=C.UTF-8 TERM=dumb CC=gcc CCACHE_DIR=/ccache "$@"' _ "$root" "$path" "${binds[@]}" -- "$@"
}
