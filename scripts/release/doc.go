// Command release builds what people download: packages, archives, a list of their SHA-256 sums, its signature and a bill
// of materials. The same source, version and time give the same bytes on any machine.
//
//	go run ./scripts/release                 everything, to build/release
//	go run ./scripts/release -twice          and once more from a copy of the tree with an empty build cache; compared
//	go run ./scripts/release -check          and unpacks every artefact and runs it, foreign ones under qemu-user
//	go run ./scripts/release -only arm64     only artefacts of one architecture (for trials)
//	go run ./scripts/release -new-key FILE   makes a key to sign with
//	go run ./scripts/release -sign-only      signs what was built elsewhere, where the key is
//
// Names: catflap_VERSION_linux_ARCH.(tar.gz|deb|rpm|apk), where ARCH is amd64, arm64, armhf (ARMv6 and later), armv7 or
// riscv64; an archive holds one folder catflap_VERSION_linux_ARCH with the program catflap in it. SHA256SUMS lists every
// other file. SHA256SUMS.minisig signs it; its trusted comment is "catflap VERSION YYYY-MM-DD".
//
// The time is SOURCE_DATE_EPOCH, else that of the last commit. The key to sign with is the minisign key file named by
// -key or CATFLAP_SIGNING_KEY, its password CATFLAP_SIGNING_PASSWORD; without a key the release is unsigned. Its public half
// belongs into packaging/catflap.pub, for `catflap update`; the release's own install.sh gets it from here.
package main
