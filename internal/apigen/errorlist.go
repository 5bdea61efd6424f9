package main

import (
	"fmt"
	"regexp"
	"strings"
)

// verb is a place in a message that the code fills in.
var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// errorList makes the list of all error codes for docs.
func errorList(codes []errorCode) []byte {
	var b strings.Builder
	b.WriteString(`# Error codes

Every code that an answer's ` + "`error`" + ` can hold, with its HTTP status and what its message says; … stands for what the call brought. Each also has its place on the page that the gateway serves, ` + "`/docs#code`" + `, to which the answer's ` + "`docs`" + ` points. What to do about the ones that are not about the body of a call: [troubleshooting](troubleshooting.md). The list is made from the source by ` + "`make openapi`" + `.

| code | status | message |
|---|---|---|
`)
	for _, c := range codes {
		statuses := make([]string, len(c.Statuses))
		for i, s := range c.Statuses {
			statuses[i] = fmt.Sprint(s)
		}
		messages := make([]string, len(c.Messages))
		for i, m := range c.Messages {
			messages[i] = cell(m)
		}
		fmt.Fprintf(&b, "| [%s](../api/spec/docs.html#%s) | %s | %s |\n", c.Code, c.Code, strings.Join(statuses, ", "), strings.Join(messages, "<br>"))
	}
	return []byte(b.String())
}

// cell is a message as the text of a table's cell.
func cell(message string) string {
	message = strings.ReplaceAll(message, "%%", "\x00")
	message = verb.ReplaceAllString(message, "…")
	message = strings.ReplaceAll(message, "\x00", "%")
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "[", `\[`).Replace(message)
}
