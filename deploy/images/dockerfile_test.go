package images

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestDockerfileAgrees: each stage states the configuration that the image made
// without an engine has.
func TestDockerfileAgrees(t *testing.T) {
	raw, err := os.ReadFile("../docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(raw), -1)
	if len(stages) != 4 {
		t.Fatalf("%d stages, want build, gateway, worker", len(stages)-1)
	}
	if !regexp.MustCompile(`^golang:\d+\.\d+\.\d+-\w+ AS build\n`).MatchString(stages[1]) {
		t.Error("the build stage has no exact tag")
	}
	each(t, func(t *testing.T, k Kind, img v1.Image) {
		file, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		c := file.Config
		i := slices.IndexFunc(stages, func(s string) bool { return strings.HasPrefix(s, "scratch AS "+k.Name+"\n") })
		if i < 0 {
			t.Fatal("no stage")
		}
		for _, want := range []string{
			"COPY --from=build /rootfs/" + k.Name + " /\n", "ENV " + strings.Join(c.Env, " ") + "\n", "USER " + c.User + "\n", "STOPSIGNAL " + c.StopSignal + "\n",
			`ENTRYPOINT ["` + c.Entrypoint[0] + "\"]\n", `CMD ["` + strings.Join(c.Healthcheck.Test[1:], `", "`) + "\"]\n",
			"--interval=" + c.Healthcheck.Interval.String(), "--timeout=" + c.Healthcheck.Timeout.String(), "--start-period=" + c.Healthcheck.StartPeriod.String(),
		} {
			if !strings.Contains(stages[i], want) {
				t.Errorf("the stage lacks %q", want)
			}
		}
		for port := range c.ExposedPorts {
			if !strings.Contains(stages[i], "EXPOSE "+strings.TrimSuffix(port, "/tcp")+"\n") {
				t.Errorf("the stage lacks port %s", port)
			}
		}
		for volume := range c.Volumes {
			if !strings.Contains(stages[i], "VOLUME "+volume+"\n") {
				t.Errorf("the stage lacks volume %s", volume)
			}
		}
	})
}
