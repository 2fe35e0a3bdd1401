package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flag is an option of a command: one of the types below.
type Flag interface {
	// Names are the name and its aliases, without dashes.
	Names() []string
	// Help says what it is for. The word in back quotes names the value.
	Help() string
	// Visible reports whether help shows it.
	Visible() bool

	begin(c *Context) error
	put(c *Context, text string) error
	act(c *Context) error
	initial() string
	variables() []string
	isSwitch() bool
	repeats() bool
}

// value is what a flag may hold.
type value interface {
	string | bool | int | uint64 | time.Duration | []int
}

// Of is a flag with a value of type T.
type Of[T value] struct {
	Name    string
	Aliases []string
	Usage   string
	// Value is what holds when the flag is not given; DefaultText describes it where the value itself would not.
	Value       T
	DefaultText string
	Hidden      bool
	// EnvVars are variables of the environment that hold the value when the flag is not given.
	EnvVars []string
	// Action checks the value of a flag that was given.
	Action func(*Context, T) error
}

// The flags that there are. A BoolFlag is a switch: it takes a value only as --name=false. An IntSliceFlag may be given
// many times, or with commas.
type (
	StringFlag   = Of[string]
	BoolFlag     = Of[bool]
	IntFlag      = Of[int]
	Uint64Flag   = Of[uint64]
	DurationFlag = Of[time.Duration]
	IntSliceFlag = Of[[]int]
)

// FlagError is a flag that a command does not have, or a value that a flag cannot have.
type FlagError struct {
	// Flag is its name as typed, without dashes.
	Flag string
	// Value is what it cannot be.
	Value string
	Err   error
}

// What may be wrong with a flag.
var (
	ErrUnknownFlag = errors.New("there is no such flag")
	ErrNeedsValue  = errors.New("the flag needs a value")
	ErrBadValue    = errors.New("the flag cannot have this value")
)

func (e *FlagError) Error() string { return fmt.Sprintf("--%s: %v", e.Flag, e.Err) }

func (e *FlagError) Unwrap() error { return e.Err }

// parse reads flags up to the first argument or a lone "--".
func (c *Context) parse(args []string) error {
	c.values, c.set = make(map[string]any), make(map[string]bool)
	for _, f := range c.Command.Flags {
		if err := f.begin(c); err != nil {
			return err
		}
	}
	for len(args) > 0 {
		arg := args[0]
		if len(arg) < 2 || arg[0] != '-' {
			break
		}
		args = args[1:]
		if arg == "--" {
			break
		}
		name, text, given := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if name == "help" || name == "h" {
			c.help = true
			continue
		}
		f := c.Command.flag(name)
		switch {
		case f == nil:
			return &FlagError{Flag: name, Err: ErrUnknownFlag}
		case given:
		case f.isSwitch():
			text = "true"
		case len(args) == 0:
			return &FlagError{Flag: name, Err: ErrNeedsValue}
		default:
			text, args = args[0], args[1:]
		}
		if err := f.put(c, text); err != nil {
			return &FlagError{Flag: name, Value: text, Err: ErrBadValue}
		}
	}
	c.args = args
	return nil
}

func (c *Command) flag(name string) Flag {
	i := slices.IndexFunc(c.Flags, func(f Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	return c.Flags[i]
}

// Names are the name and its aliases, without dashes.
func (f *Of[T]) Names() []string { return append([]string{f.Name}, f.Aliases...) }

// Help says what the flag is for. The word in back quotes names the value.
func (f *Of[T]) Help() string { return f.Usage }

// Visible reports whether help shows the flag.
func (f *Of[T]) Visible() bool { return !f.Hidden }

func (f *Of[T]) begin(c *Context) error {
	v := new(T)
	*v = f.Value
	for _, name := range f.Names() {
		c.values[name] = v
	}
	for _, variable := range f.EnvVars {
		if text := os.Getenv(variable); text != "" {
			if err := f.put(c, text); err != nil {
				return fmt.Errorf("$%s cannot be %q", variable, text)
			}
			break
		}
	}
	return nil
}

func (f *Of[T]) put(c *Context, text string) (err error) {
	switch v := c.values[f.Name].(type) {
	case *string:
		*v = text
	case *bool:
		*v, err = strconv.ParseBool(text)
	case *int:
		var n int64
		n, err = strconv.ParseInt(text, 0, strconv.IntSize)
		*v = int(n)
	case *uint64:
		*v, err = strconv.ParseUint(text, 0, 64)
	case *time.Duration:
		*v, err = time.ParseDuration(text)
	case *[]int:
		for one := range strings.SplitSeq(text, ",") {
			n, bad := strconv.ParseInt(strings.TrimSpace(one), 0, strconv.IntSize)
			if bad != nil {
				return bad
			}
			*v = append(*v, int(n))
		}
	}
	for _, name := range f.Names() {
		c.set[name] = true
	}
	return err
}

func (f *Of[T]) act(c *Context) error {
	if f.Action == nil || !c.set[f.Name] {
		return nil
	}
	return f.Action(c, read[T](c, f.Name))
}

// initial is the value that help shows as the default.
func (f *Of[T]) initial() string {
	if f.DefaultText != "" {
		return f.DefaultText
	}
	switch v := any(f.Value).(type) {
	case string:
		if v != "" {
			return strconv.Quote(v)
		}
	case bool:
		if v {
			return "true"
		}
	case []int: // nothing has one
	default:
		return fmt.Sprint(v)
	}
	return ""
}

func (f *Of[T]) variables() []string { return f.EnvVars }

func (f *Of[T]) isSwitch() bool {
	_, yes := any(f.Value).(bool)
	return yes
}

func (f *Of[T]) repeats() bool {
	_, yes := any(f.Value).([]int)
	return yes
}

// read is the value of a flag; nothing where the command has no such flag.
func read[T value](c *Context, name string) (v T) {
	if p, ok := c.values[name].(*T); ok {
		return *p
	}
	return v
}

// String is the value of a StringFlag; empty where the command has no such flag. So it is with those below.
func (c *Context) String(name string) string { return read[string](c, name) }

// Bool is the value of a BoolFlag.
func (c *Context) Bool(name string) bool { return read[bool](c, name) }

// Int is the value of an IntFlag.
func (c *Context) Int(name string) int { return read[int](c, name) }

// Uint64 is the value of a Uint64Flag.
func (c *Context) Uint64(name string) uint64 { return read[uint64](c, name) }

// Duration is the value of a DurationFlag.
func (c *Context) Duration(name string) time.Duration { return read[time.Duration](c, name) }

// IntSlice is the value of an IntSliceFlag.
func (c *Context) IntSlice(name string) []int { return read[[]int](c, name) }

// IsSet reports whether a flag was given, by any of its names, or by the environment.
func (c *Context) IsSet(name string) bool { return c.set[name] }
