// Package guard holds the tests that read the tree itself: the arrows between packages, the weight of the binary,
// the names of files, what tests may not do, and the table of what works.
package guard
