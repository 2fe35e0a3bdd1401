package simulator

import "slices"

// World is what the account sees of QQ before anything happens. Values are copied by New.
type World struct {
	SelfID    uint64
	Nickname  string
	Friends   []Person
	Strangers []Person // people the account is not a friend of; anybody unknown is called by their number
	Groups    []Group
}

// Person is a QQ user.
type Person struct {
	ID       uint64
	Nickname string
	Remark   string // what the account calls a friend
}

// Group is a QQ group that the account has joined. The account should be one of its members.
type Group struct {
	ID       uint64
	Name     string
	Members  []Member
	AllMuted bool
}

// Role is a member's standing in a group.
type Role string

// The roles as NapCat spells them.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Member is one member of a group. The nickname comes from the world's people.
type Member struct {
	ID    uint64
	Card  string // the name shown in this group, "" if none
	Title string // special title
	Role  Role   // "" = member
	// MutedUntil is the end of a ban in unix seconds, 0 if there is none.
	MutedUntil int64
}

// DefaultWorld is bot 10001 with friends Ann (20002) and Bob (20003), a stranger Eve (20009), and the groups
// Ops (30003: Bob owns it, Ann is admin with the card ann@ops, Eve is a member, the bot is admin) and
// Fun (30004: Ann owns it, Bob and the bot are members).
func DefaultWorld() *World {
	return &World{
		SelfID:    10001,
		Nickname:  "Bot",
		Friends:   []Person{{ID: 20002, Nickname: "Ann"}, {ID: 20003, Nickname: "Bob"}},
		Strangers: []Person{{ID: 20009, Nickname: "Eve"}},
		Groups: []Group{
			{ID: 30003, Name: "Ops", Members: []Member{
				{ID: 20003, Role: RoleOwner}, {ID: 20002, Card: "ann@ops", Role: RoleAdmin}, {ID: 10001, Role: RoleAdmin}, {ID: 20009},
			}},
			{ID: 30004, Name: "Fun", Members: []Member{{ID: 20002, Role: RoleOwner}, {ID: 20003}, {ID: 10001}}},
		},
	}
}

func (w *World) clone() *World {
	c := *w
	c.Friends = slices.Clone(w.Friends)
	c.Strangers = slices.Clone(w.Strangers)
	c.Groups = slices.Clone(w.Groups)
	for i := range c.Groups {
		c.Groups[i].Members = slices.Clone(c.Groups[i].Members)
	}
	return &c
}

// renumber gives the account another number, in its groups too.
func (w *World) renumber(self uint64) {
	for g := range w.Groups {
		if m := w.Groups[g].member(w.SelfID); m != nil {
			m.ID = self
		}
	}
	w.SelfID = self
}

func (w *World) group(id uint64) *Group {
	for i := range w.Groups {
		if w.Groups[i].ID == id {
			return &w.Groups[i]
		}
	}
	return nil
}

func (w *World) friend(id uint64) *Person {
	for i := range w.Friends {
		if w.Friends[i].ID == id {
			return &w.Friends[i]
		}
	}
	return nil
}

// befriend makes somebody a friend, with the name by which they are known.
func (w *World) befriend(id uint64) {
	if w.friend(id) != nil {
		return
	}
	w.Friends = append(w.Friends, Person{ID: id, Nickname: w.nickname(id)})
	w.Strangers = slices.DeleteFunc(w.Strangers, func(p Person) bool { return p.ID == id })
}

// nickname is never empty: an unknown user is called by the number.
func (w *World) nickname(id uint64) string {
	if id == w.SelfID {
		return w.Nickname
	}
	for _, list := range [][]Person{w.Friends, w.Strangers} {
		for _, p := range list {
			if p.ID == id && p.Nickname != "" {
				return p.Nickname
			}
		}
	}
	return decimal(id)
}

func (g *Group) member(id uint64) *Member {
	for i := range g.Members {
		if g.Members[i].ID == id {
			return &g.Members[i]
		}
	}
	return nil
}

// join adds a member if absent.
func (g *Group) join(id uint64) *Member {
	if m := g.member(id); m != nil {
		return m
	}
	g.Members = append(g.Members, Member{ID: id})
	return &g.Members[len(g.Members)-1]
}

func (g *Group) leave(id uint64) bool {
	before := len(g.Members)
	g.Members = slices.DeleteFunc(g.Members, func(m Member) bool { return m.ID == id })
	return len(g.Members) != before
}

func (m *Member) role() Role {
	if m.Role == "" {
		return RoleMember
	}
	return m.Role
}
