#!/usr/bin/env bash
# Boots the board. It runs SHARE/inside.sh as root and powers off; what it writes to its disk goes to OVERLAY, which is
# made when it is not there, so that the next boot finds it. Usage: boot.sh DIR SHARE OVERLAY [SECONDS]
set -euo pipefail

dir=$(realpath "${1:?usage: boot.sh DIR SHARE OVERLAY [SECONDS]}") share=$2 overlay=$3 limit=${4:-1200}
[ -f "$overlay" ] || qemu-img create -q -f qcow2 -F raw -b "$dir/disk.img" "$overlay"
exec timeout "$limit" qemu-system-aarch64 -M virt -cpu cortex-a53 -smp 2 -m 512 -nographic -no-reboot -nic none \
	-kernel "$dir/vmlinuz" -initrd "$dir/initrd.gz" \
	-append 'console=ttyAMA0 quiet systemd.show_status=0 systemd.unified_cgroup_hierarchy=1 cgroup_enable=memory' \
	-drive file="$overlay",if=none,id=disk,format=qcow2,cache=unsafe -device virtio-blk-pci,drive=disk \
	-fsdev local,id=share,path="$share",security_model=none -device virtio-9p-pci,fsdev=share,mount_tag=board \
	-device virtio-rng-pci </dev/null
