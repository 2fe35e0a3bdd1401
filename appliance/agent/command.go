package agent

import "strings"

// command is what a user asks of the agent itself.
type command int

const (
	noCommand command = iota
	cmdNew
	cmdStop
	cmdStatus
	cmdHelp
	cmdWhoami
)

// commands are the words, without their slash.
var commands = map[string]command{
	"new": cmdNew, "reset": cmdNew, "新对话": cmdNew, "重置": cmdNew,
	"stop": cmdStop, "停止": cmdStop, "停": cmdStop,
	"status": cmdStatus, "状态": cmdStatus,
	"help": cmdHelp, "帮助": cmdHelp,
	"whoami": cmdWhoami, "我是谁": cmdWhoami,
}

// commandOf finds a command: it stands alone, behind a slash of either width. What is no command goes to the model.
func commandOf(text string) command {
	word, ok := strings.CutPrefix(text, "/")
	if !ok {
		if word, ok = strings.CutPrefix(text, "／"); !ok {
			return noCommand
		}
	}
	return commands[strings.ToLower(strings.TrimSpace(word))]
}
