package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// The load is written and read by hand: what is measured must not also be the measure.

// dial opens a WebSocket.
func dial(ctx context.Context, address, path string, header http.Header) (net.Conn, *bufio.Reader, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	req := "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2F0ZmxhcCBiZW5jaCBrZXk=\r\n"
	for name, values := range header {
		req += name + ": " + values[0] + "\r\n"
	}
	r := bufio.NewReaderSize(c, 64<<10)
	if _, err := io.WriteString(c, req+"\r\n"); err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("%s%s answered %s", address, path, resp.Status)
	}
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return c, r, nil
}

// appendFrame adds a text frame as a client sends it. The mask is zero: legal, and the receiver works as with any other.
func appendFrame(dst, payload []byte) []byte {
	const text, masked, extended = 0x81, 0x80, 126
	dst = append(dst, text, masked|extended)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(payload)))
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// opPing is the opcode of a ping.
const opPing = 9

// appendPong adds the answer to a ping, as every WebSocket library sends it by itself.
func appendPong(dst, payload []byte) []byte {
	const pong, masked = 0x8a, 0x80
	dst = append(dst, pong, masked|byte(len(payload)), 0, 0, 0, 0)
	return append(dst, payload...)
}

// readFrame reads one frame of a server into buf and returns its opcode and payload.
func readFrame(r *bufio.Reader, buf []byte) (opcode byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1] & 0x7f)
	switch n {
	case 126:
		var l [2]byte
		if _, err := io.ReadFull(r, l[:]); err != nil {
			return 0, nil, err
		}
		n = uint64(binary.BigEndian.Uint16(l[:]))
	case 127:
		var l [8]byte
		if _, err := io.ReadFull(r, l[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(l[:])
	}
	if n > uint64(len(buf)) {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	_, err = io.ReadFull(r, buf[:n])
	return h[0] & 0x0f, buf[:n], err
}

// What the load says.
const (
	self       = 10001
	token      = "bench-token"
	groups     = 20
	firstGroup = 30000
	seqWidth   = 9
)

// template is a group message of about 600 bytes as NapCat sends it, with a number that is always as wide.
type template struct {
	frame []byte
	seqAt []int
}

func newTemplate(account, group int) template {
	text := " 今天的值班表在群文件里，晚上八点之前请大家确认一下自己的时间，有问题直接在这里说，不要私聊。"
	seq := fmt.Sprintf("%0*d", seqWidth, 0)
	// message ids must be numbers without leading zeros, so the first digit is fixed
	frame := fmt.Sprintf(`{"self_id":%d,"user_id":20002,"time":1767225600,"message_id":1%[3]s,"message_seq":1%[3]s,"real_id":1%[3]s,"real_seq":"%[3]s",`+
		`"message_type":"group","sender":{"user_id":20002,"nickname":"Ann","card":"ann@ops","role":"admin"},`+
		`"raw_message":"[CQ:at,qq=%[1]d]%[4]s","font":14,"sub_type":"normal",`+
		`"message":[{"type":"at","data":{"qq":"%[1]d"}},{"type":"text","data":{"text":"%[4]s"}}],"message_format":"array","post_type":"message","group_id":%[2]d,"group_name":"Ops"}`,
		self+account, firstGroup+group, seq, text)
	t := template{frame: []byte(frame)}
	for i := 0; i+seqWidth <= len(frame); i++ {
		if frame[i:i+seqWidth] == seq && frame[i-1] != '0' {
			t.seqAt = append(t.seqAt, i)
			i += seqWidth - 1
		}
	}
	return t
}

// number writes n into the frame.
func (t template) number(n int) []byte {
	for _, at := range t.seqAt {
		for i, v := at+seqWidth-1, n; i >= at; i, v = i-1, v/10 {
			t.frame[i] = byte('0' + v%10)
		}
	}
	return t.frame
}

// read takes the number out of a payload, -1 if it is none of the load's.
func (t template) read(payload []byte) int {
	if len(payload) != len(t.frame) {
		return -1
	}
	at := t.seqAt[len(t.seqAt)-1]
	n, err := strconv.Atoi(string(payload[at : at+seqWidth]))
	if err != nil {
		return -1
	}
	return n
}
