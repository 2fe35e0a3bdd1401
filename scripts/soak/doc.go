// Package soak is the fault harness: a catflap built with the race detector, a simulated NapCat and applications over
// real sockets, random faults on all of them, and a ledger that knows what must have arrived.
//
//	go test ./scripts/soak -run TestSoak -soak.time=3m -soak.seed=7
//	go test ./scripts/soak -run TestKillMinusNine -soak.kills=200
//	go test ./scripts/soak -run TestQueueBounds
//
// The seed decides which faults come and in which order; it is printed at the start and with every failure. The full
// disk is a small file system of its own in memory, so the harness needs Linux and root, and fails without them.
package soak
