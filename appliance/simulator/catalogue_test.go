package simulator

import "github.com/catflap/catflap/appliance/onebot"

func catalogueNames() []string { return onebot.Names() }

// lookup says whether NapCat has an action, and whether the catalogue knows it.
func lookup(name string) (inNapCat, known bool) {
	info, ok := onebot.Lookup(name)
	return info.InNapCat, ok
}
