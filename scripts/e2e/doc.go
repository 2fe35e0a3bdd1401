// Package e2e holds the end-to-end tests: the real catflap binary between a simulated NapCat and real NoneBot, Koishi
// and aiocqhttp processes, curl, and the programs of docs/frameworks.
//
// `make deps` installs the frameworks below .cache/e2e; `make e2e` does that and runs the tests. Every wait is for a
// condition with a generous limit, and on failure the output of every process is shown.
package e2e
