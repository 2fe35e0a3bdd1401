// Package smalldisk gives a test a file system of a few megabytes that can be filled.
package smalldisk
