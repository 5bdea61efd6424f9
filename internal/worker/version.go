package worker

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

// build names the program, whose models are part of it. Two builds that bear
// no version of their own are told apart by when they were started.
func build(version string, started time.Time) string {
	if strings.HasPrefix(version, "devel") || strings.Contains(version, "dirty") || version == "" {
		return version + "-" + strconv.FormatInt(started.UnixNano(), 36)
	}
	return version
}

// version names everything but the body that an answer of the service to the
// tenant follows from.
func (s *Shell) version(ctx context.Context, svc service.Service, tenant string) (string, error) {
	v, ok := svc.(service.Versioned)
	if !ok {
		return s.build, nil
	}
	models, err := v.ModelVersion(ctx, tenant)
	if err != nil {
		return "", fmt.Errorf("asking %s for its model version: %w", svc.Name(), err)
	}
	return s.build + "/" + models, nil
}

// runVersioned runs a call and says which version answered, if the same call
// would be answered the same again. A version that changed meanwhile is none:
// either may have answered.
func (s *Shell) runVersioned(ctx context.Context, bound *boundRoute, call *service.Call) (answer any, version string, err error) {
	if !bound.Repeatable {
		answer, err = s.run(ctx, bound, call)
		return answer, "", err
	}
	before, unknown := s.version(ctx, bound.host.Service, call.Tenant)
	answer, err = s.run(ctx, bound, call)
	if err != nil || unknown != nil || !call.Repeatable() {
		return answer, "", err
	}
	if after, err := s.version(ctx, bound.host.Service, call.Tenant); err != nil || after != before {
		return answer, "", nil //nolint:nilerr // the answer is good, only not for keeping
	}
	return answer, before, nil
}

// serveVersion tells the gateway whether answers it has kept are still those
// this worker would give.
func (s *Shell) serveVersion(w http.ResponseWriter, r *http.Request) {
	host := s.services[r.PathValue("service")]
	if host == nil {
		writeError(w, r, api.NotFound("not_found", "this worker has no such service"))
		return
	}
	if err := s.ready(host); err != nil {
		writeError(w, r, asError(err))
		return
	}
	version, err := s.version(r.Context(), host.Service, r.Header.Get(api.HeaderTenantID))
	if err != nil {
		writeError(w, r, asError(err))
		return
	}
	writeJSON(w, http.StatusOK, api.WorkerModelVersion{ModelVersion: version})
}
