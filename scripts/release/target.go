package main

import "slices"

// target is one system and processor that a release is built for.
type target struct {
	goos, arch string   // arch as in the names of artefacts
	env        []string // what the Go tools need to know beside GOOS
	nfpm       string   // nfpm's word for the architecture
	formats    []string // beside the archive
	emulator   []string // runs its programs on a linux/amd64 machine; nil = nothing here does
}

func (t target) String() string { return t.goos + "_" + t.arch }

// targets are all of them. The level of each processor family is named, or the environment could change it.
//
// armhf is built for ARMv6, so that one package serves every armhf board from the first Raspberry Pi on: Debian calls
// ARMv6 and ARMv7 both armhf, and two packages of one name would replace each other. Alpine tells them apart and refuses
// the other's packages, so armv7 has an apk and an archive of its own.
func targets() []target {
	all := []string{"deb", "rpm", "apk"}
	return []target{
		{goos: "linux", arch: "amd64", env: []string{"GOARCH=amd64", "GOAMD64=v1"}, nfpm: "amd64", formats: all, emulator: []string{}},
		{goos: "linux", arch: "arm64", env: []string{"GOARCH=arm64", "GOARM64=v8.0"}, nfpm: "arm64", formats: all, emulator: []string{"qemu-aarch64-static"}},
		{goos: "linux", arch: "armhf", env: []string{"GOARCH=arm", "GOARM=6"}, nfpm: "arm6", formats: all, emulator: []string{"qemu-arm-static", "-cpu", "arm1176"}},
		{goos: "linux", arch: "armv7", env: []string{"GOARCH=arm", "GOARM=7"}, nfpm: "arm7", formats: []string{"apk"}, emulator: []string{"qemu-arm-static", "-cpu", "cortex-a7"}},
		{goos: "linux", arch: "riscv64", env: []string{"GOARCH=riscv64", "GORISCV64=rva20u64"}, nfpm: "riscv64", formats: all, emulator: []string{"qemu-riscv64-static"}},
		{goos: "darwin", arch: "arm64", env: []string{"GOARCH=arm64", "GOARM64=v8.0"}},
		{goos: "darwin", arch: "amd64", env: []string{"GOARCH=amd64", "GOAMD64=v1"}},
		{goos: "windows", arch: "amd64", env: []string{"GOARCH=amd64", "GOAMD64=v1"}},
	}
}

// chosen are the targets of one architecture; empty = all.
func chosen(arch string) []target {
	if arch == "" {
		return targets()
	}
	return slices.DeleteFunc(targets(), func(t target) bool { return t.arch != arch || t.goos != "linux" })
}

// program is the file name of the product.
func (t target) program() string {
	if t.goos == "windows" {
		return "catflap.exe"
	}
	return "catflap"
}
