// Package tools is what a model may do: the table of QQ tools, who may use which, and what a call becomes. It does no I/O
// but for reading skills.
package tools

import (
	"encoding/json"
	"errors"

	"github.com/catflap/catflap/policy"
)

// Groups of tools, as the configuration names them.
const (
	Read     = "qq_read"     // looks things up in the chat that the model is asked in
	Send     = "qq_send"     // says something there
	Moderate = "qq_moderate" // changes the group or its members, after an owner has confirmed it
	Account  = "qq_account"  // is about the account itself
)

// Tool is one thing that a model may ask for.
type Tool struct {
	Name        string
	Group       string // one of the groups, or "" for tools of a server and for skills
	Description string
	Schema      json.RawMessage // of the arguments: a JSON object
	// Confirm says that an owner has to agree to each call.
	Confirm bool

	plan func(Turn, arguments) (Action, error)
}

// Turn is who asks, and where. A tool acts there and nowhere else.
type Turn struct {
	Chat  policy.Chat
	Temp  uint64 // group of a temporary session, else 0
	User  uint64 // whose message is answered
	Owner bool   // that is an owner of the account
	// Own reports whether an address is of a medium that catflap keeps, and gives it in the form that actions take.
	Own func(address string) (file string, ok bool)
}

// Action is what a call becomes.
type Action struct {
	Name   string
	Params map[string]any
}

// ErrArguments is what a call with unfit arguments wraps. Its text is for the model.
var ErrArguments = errors.New("unfit arguments")

// QQ lists the QQ tools, in the order in which models see them.
func QQ() []Tool { return qqTools }

// Plan makes an action of a call. Errors wrap ErrArguments.
func (t *Tool) Plan(turn Turn, args json.RawMessage) (Action, error) {
	a, err := readArguments(args)
	if err != nil {
		return Action{}, err
	}
	return t.plan(turn, a)
}
