#!/usr/bin/env bash
# Brings the gateway, and unless it runs elsewhere the worker, to Cloud Run.
# Running it again changes what differs and keeps secrets that exist.
#
#   deploy.sh --project P --region europe-west1 --keys keys.json [--dry-run]
#   deploy.sh … --worker gke --worker-url http://worker.omni.internal:9090 \
#             --network default --subnet default
#
# --dry-run prints every command and every rendered file and changes nothing;
# it needs neither gcloud nor a network.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
	sed -n '2,11p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
	echo "
  --project ID        Google Cloud project
  --region REGION     default europe-west1
  --keys FILE         hashed keys, for the first time and whenever they change:
                      OMNI_KEYS_STORE=file OMNI_KEYS_PATH=FILE omni keys create …
  --worker WHERE      cloudrun (default) or gke
  --worker-url URL    of the worker on GKE
  --network, --subnet of the VPC that reaches it; default default
  --version TAG       default: what git describes
  --images FILE       references made before (omni-images -push writes refs.env); else build and push now
  --dry-run           print, do nothing"
}
die() { echo "deploy.sh: $*" >&2; exit 2; }

project='' region=europe-west1 keys='' worker=cloudrun worker_url='' network=default subnet=default version='' images='' dry=''
while (($#)); do
	case $1 in
		--dry-run) dry=yes; shift; continue ;;
		-h | --help) usage; exit 0 ;;
		--project | --region | --keys | --worker | --worker-url | --network | --subnet | --version | --images)
			(($# > 1)) || die "$1 needs a value"
			name=${1#--}; printf -v "${name//-/_}" '%s' "$2"; shift 2 ;;
		*) usage >&2; die "unknown option $1" ;;
	esac
done
[[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || die "--project is missing or no project id: '$project'"
[[ $region =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || die "--region '$region' is no region"
[[ -z $keys || -f $keys ]] || die "--keys '$keys' is no file; make one with: OMNI_KEYS_STORE=file OMNI_KEYS_PATH=keys.json omni tenants create acme"
case $worker in
	cloudrun) [[ -z $worker_url ]] || die "--worker-url is for --worker gke" ;;
	gke)
		[[ $worker_url =~ ^https?://[^/]+$ ]] || die "--worker gke needs --worker-url http://NAME:9090"
		[[ $worker_url != *.svc.cluster.local* ]] || die "$worker_url resolves inside the cluster only; use the internal load balancer's name or address" ;;
	*) die "--worker is cloudrun or gke, not '$worker'" ;;
esac
version=${version:-$(git -C "$here" describe --tags --always --dirty 2>/dev/null || echo devel)}
repository=$region-docker.pkg.dev/$project/omni
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run does, or in a dry run says, one command. Secrets never stand in it.
run() {
	printf '+'; printf ' %q' "$@"; printf '\n'
	[[ -n $dry ]] || "$@"
}
# exists asks for something; in a dry run nothing is there yet.
exists() { [[ -z $dry ]] && "$@" > /dev/null 2>&1; }
g() { run gcloud --project "$project" --quiet "$@"; }

say() { printf '\n== %s\n' "$*"; }

say "services of Google Cloud"
g services enable run.googleapis.com artifactregistry.googleapis.com secretmanager.googleapis.com

say "images"
exists gcloud --project "$project" artifacts repositories describe omni --location "$region" ||
	g artifacts repositories create omni --repository-format docker --location "$region"
gateway_image=$repository/gateway:$version worker_image=$repository/worker:$version
if [[ -z $images ]]; then
	images=$work/images/refs.env
	(cd "$here/.." && run go run ./cmd/omni-images -source .. -version "$version" -out "$work/images" -push "$repository")
fi
if [[ -f $images ]]; then # by digest: what runs is what was built
	gateway_image=$(sed -n 's/^GATEWAY_IMAGE=//p' "$images") worker_image=$(sed -n 's/^WORKER_IMAGE=//p' "$images")
fi
[[ -n $gateway_image && -n $worker_image ]] || die "$images names no images"

say "accounts, without any role in the project"
for half in gateway worker; do
	exists gcloud --project "$project" iam service-accounts describe "omni-$half@$project.iam.gserviceaccount.com" ||
		g iam service-accounts create "omni-$half" --display-name "Omni $half"
done

# secret NAME FILE [keep]: a new version from a file, unless it is there and to be kept.
secret() {
	if exists gcloud --project "$project" secrets describe "$1"; then
		[[ ${3:-} == keep ]] || g secrets versions add "$1" --data-file "$2"
	else
		g secrets create "$1" --replication-policy automatic --data-file "$2"
	fi
}
# reads ACCOUNT SECRET
reads() {
	g secrets add-iam-policy-binding "$2" --role roles/secretmanager.secretAccessor \
		--member "serviceAccount:omni-$1@$project.iam.gserviceaccount.com"
}
render() {
	sed -e "s|@PROJECT@|$project|g" -e "s|@REGION@|$region|g" -e "s|@GATEWAY_IMAGE@|$gateway_image|g" -e "s|@WORKER_IMAGE@|$worker_image|g" \
		-e "s|@WORKER_URL@|$worker_url|g" -e "s|@NETWORK@|$network|g" -e "s|@SUBNET@|$subnet|g" "$here/$1" > "$work/$1"
	if [[ -n $dry ]]; then printf -- '--- %s\n' "$1"; cat "$work/$1"; fi
}

say "secrets, each readable by who needs it"
(umask 077; head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' > "$work/master"; head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' > "$work/token")
secret omni-master-key "$work/master" keep
secret omni-worker-token "$work/token" keep
if [[ -n $keys ]]; then
	secret omni-keys "$keys"
elif [[ -z $dry ]] && ! exists gcloud --project "$project" secrets describe omni-keys; then
	die "there are no keys yet; give --keys FILE"
fi
reads gateway omni-master-key
reads gateway omni-worker-token
reads gateway omni-keys
reads worker omni-worker-token

config=omni-gke.yaml service=gateway-gke.yaml
if [[ $worker == cloudrun ]]; then
	config=omni.yaml service=gateway.yaml
	say "the worker"
	render worker.yaml
	g run services replace "$work/worker.yaml" --region "$region"
	g run services add-iam-policy-binding omni-worker --region "$region" --role roles/run.invoker \
		--member "serviceAccount:omni-gateway@$project.iam.gserviceaccount.com"
	worker_url=https://omni-worker.example.run.app # a dry run cannot know it
	[[ -n $dry ]] || worker_url=$(gcloud --project "$project" run services describe omni-worker --region "$region" --format 'value(status.url)')
fi

say "the gateway"
render "$config"
secret omni-config "$work/$config"
reads gateway omni-config
render "$service"
g run services replace "$work/$service" --region "$region"
# Callers show Omni's keys, not Google's: the gateway itself is public.
g run services add-iam-policy-binding omni-gateway --region "$region" --role roles/run.invoker --member allUsers

if [[ -z $dry ]]; then
	url=$(gcloud --project "$project" run services describe omni-gateway --region "$region" --format 'value(status.url)')
	curl -fsS --retry 5 "$url/health"
	printf '\nOmni answers at %s\n' "$url"
fi
