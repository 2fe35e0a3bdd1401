package onebot

import "slices"

// synonyms are the names under which NapCat runs the same code
// (napcat-onebot11.md, trap 11; the notes of the catalogue).
var synonyms = [...][]string{
	{"friend_poke", "group_poke", "send_poke"},
	{".ocr_image", "ocr_image"},
	{"ArkSharePeer", "send_ark_share"},
	{"ArkShareGroup", "send_group_ark_share"},
	{"forward_friend_single_msg", "forward_group_single_msg"},
	{"get_file", "get_image"},
	{"mark_group_msg_as_read", "mark_msg_as_read", "mark_private_msg_as_read"},
	{"send_group_sign", "set_group_sign"},
}

// Synonyms lists all names of the action with this base name, its own
// included; nil when it has no other. A rule that denies one must deny all.
// The slice is shared: do not change it.
func Synonyms(name string) []string {
	for _, names := range synonyms {
		if slices.Contains(names, name) {
			return names
		}
	}
	return nil
}
