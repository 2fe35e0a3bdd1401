//go:build !linux

package appliance

import "github.com/catflap/catflap/appliance/console"

func disk(string) console.DiskStatus { return console.DiskStatus{} }
