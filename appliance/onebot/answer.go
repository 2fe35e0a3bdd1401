package onebot

import "strconv"

// AppendCall appends a call for NapCat. params go through unchanged, byte for
// byte; nil stands for none. echo is our own, short text.
func AppendCall(dst []byte, name string, params []byte, echo string) []byte {
	dst = appendQuoted(append(dst, `{"action":`...), name)
	dst = append(dst, `,"params":`...)
	if params == nil {
		dst = append(dst, "{}"...)
	} else {
		dst = append(dst, params...)
	}
	dst = append(dst, `,"echo":`...)
	return append(appendQuoted(dst, echo), '}')
}

// AppendFailure appends a failed envelope. echo is the caller's raw value;
// nil leaves the key out. As in NapCat, message and wording are the same.
func AppendFailure(dst, echo []byte, retcode int, wording string) []byte {
	dst = append(dst, `{"status":"failed","retcode":`...)
	dst = strconv.AppendInt(dst, int64(retcode), 10)
	dst = appendQuoted(append(dst, `,"data":null,"message":`...), wording)
	dst = appendQuoted(append(dst, `,"wording":`...), wording)
	return appendEcho(dst, echo)
}

// AppendOK appends a successful envelope; data is a raw value, nil for null.
func AppendOK(dst, echo, data []byte) []byte {
	dst = append(dst, `{"status":"ok","retcode":0,"data":`...)
	if data == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, data...)
	}
	return appendEcho(append(dst, `,"message":"","wording":""`...), echo)
}

func appendEcho(dst, echo []byte) []byte {
	if echo != nil {
		dst = append(append(dst, `,"echo":`...), echo...)
	}
	return append(dst, '}')
}
