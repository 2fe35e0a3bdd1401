#!/usr/bin/env bash
# Builds the image of an arm64 board with systemd: DIR/disk.img, DIR/vmlinuz and DIR/initrd.gz. Usage: build.sh DIR
set -euo pipefail

dir=${1:?usage: build.sh DIR}
mkdir -p "$dir"
cd "$dir"

mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) {print $i; exit}}' /etc/apt/sources.list)
suite=bookworm

# Programs of arm64 run by way of the kernel's binfmt_misc while the base system is put together.
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
update-binfmts --enable >/dev/null

if [ ! -f base.tar ]; then
	mmdebstrap --arch=arm64 --variant=minbase --include=systemd,systemd-sysv,dbus,procps,curl,openssl,busybox-static \
		"$suite" base.tar.new "$mirror"
	mv base.tar.new base.tar
fi

# The kernel is unpacked only: its package wants an initramfs that this board does not need.
if [ ! -d kernel ]; then
	mkdir -p apt/lists/partial apt/archives/partial download
	options=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Dir::State::Lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt")
	apt-get "${options[@]}" update >/dev/null
	package=$(apt-cache "${options[@]}" depends linux-image-arm64 | awk '/Depends:/ {print $2; exit}')
	(cd download && apt-get "${options[@]}" download "$package" >/dev/null)
	dpkg -x download/linux-image-*.deb kernel.new
	mv kernel.new kernel
fi
modules=$(echo kernel/lib/modules/*)
cp kernel/boot/vmlinuz-* vmlinuz

# The disk: the base system, and a service that runs what the machine outside has put into the shared folder.
rm -rf root
mkdir root
tar -C root -xf base.tar
mkdir -p root/usr/lib/modules root/opt/board root/etc/systemd/system/multi-user.target.wants
cp -a "$modules" root/usr/lib/modules/
depmod -b root "${modules##*/}" 2>/dev/null || true
echo board >root/etc/hostname
echo '/dev/vda / ext4 defaults 0 1' >root/etc/fstab
cat >root/etc/systemd/system/board.service <<'UNIT'
[Unit]
Description=the test of the board
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /opt/board/inside.sh
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
UNIT
ln -sf ../board.service root/etc/systemd/system/multi-user.target.wants/board.service

# The initramfs: modules for the disk and the shared folder, in the order in which they need each other.
rm -rf init
mkdir -p init/bin init/mod init/proc init/sys init/dev init/new
cp root/usr/bin/busybox init/bin/busybox 2>/dev/null || cp root/bin/busybox init/bin/busybox
order=()
add() {
	local file need
	file=$(find "$modules" -name "${1//_/[_-]}.ko*" | head -n 1)
	[ -n "$file" ] || return 0 # built in
	for need in $(modinfo -F depends "$file" | tr , ' '); do add "$need"; done
	case " ${order[*]-} " in *" ${file##*/} "*) return 0 ;; esac
	order+=("${file##*/}")
	cp "$file" init/mod/
}
for module in virtio_pci virtio_mmio virtio_blk virtio_rng crc32c_generic ext4 9pnet_virtio 9p; do add "$module"; done
{
	cat <<'BEGIN'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
BEGIN
	for module in "${order[@]}"; do echo "/bin/busybox insmod /mod/$module"; done
	cat <<'END'
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ -b /dev/vda ] && break
	$b sleep 1
done
$b mount -t ext4 /dev/vda /new
$b mount -t 9p -o trans=virtio,version=9p2000.L board /new/opt/board
exec $b switch_root /new /sbin/init
END
} >init/init
chmod +x init/init
(cd init && find . | cpio -o -H newc 2>/dev/null | gzip -1) >initrd.gz

truncate -s 1500M disk.img.new
mke2fs -q -F -t ext4 -d root disk.img.new
mv disk.img.new disk.img
rm -rf root init
echo "built $PWD"
