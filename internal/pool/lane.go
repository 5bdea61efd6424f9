package pool

import "strings"

// Lane names a service of the workers of one group; "" is the group of those
// that name none. It is what Request.Service takes.
func Lane(service, group string) string {
	if group == "" {
		return service
	}
	return service + "@" + group
}

// split is the inverse of Lane.
func split(lane string) (service, group string) {
	service, group, _ = strings.Cut(lane, "@")
	return service, group
}

// bare is the service as callers know it.
func bare(lane string) string {
	service, _ := split(lane)
	return service
}
