#!/bin/bash
# Put the images that the tests or the examples name on the engine: pulled where a registry answers, else made here, from Debian packages
# (the databases, nginx, Python: real) or as small stand-ins (scripts/images/tools/standins). What is there already is left alone.
#
#   images.sh test       what the tests need:    reconcile-test/busybox:1, reconcile-test/postgres:17
#   images.sh examples   what examples/stacks need
#   images.sh list       the names of all of them, and how each would be made
#
#   IMAGES_PULL=auto|no  auto: try one pull, and go on pulling if it works within 20 s (default)
#   REBUILD=1            make the images again where their folder has changed
#
# Nothing here needs BuildKit. Downloads are kept in .lab/, so a second engine costs no second debootstrap.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
export DOCKER_BUILDKIT=0
HERE=$ROOT/scripts/images
SUITE=trixie

# --- which image is made how ---------------------------------------------------------------------------------------------------------
# SET NAME HOW WHAT: public may be pulled; local is always made here, since it exists nowhere else or the real one would need an account
# or more set-up than an example has; WHAT is a folder of scripts/images, or a stand-in's command line.
table() {
  cat <<'T'
test     reconcile-test/busybox:1                             local   busybox
test     reconcile-test/postgres:17                           local   postgres
examples postgres:17                                          public  postgres
examples timescale/timescaledb:latest-pg17                    public  timescaledb
examples timescale/timescaledb-ha:pg16-ts2.14                 public  timescaledb
examples mariadb:11.8                                         public  mariadb
examples redis:8                                              public  redis
examples nginx:stable                                         public  nginx
examples python:3.13-slim                                     public  python
examples palomachain/cdp-migrate:local                        local   standin cdp migrate local
examples palomachain/cdp-rest:local                           local   standin cdp rest local
examples palomachain/cdp-ingest:local                         local   standin cdp ingest local
examples palomachain/cdp-transform:local                      local   standin cdp transform local
examples palomachain/cdp-migrate:v1.1.0                       local   standin cdp migrate v1.1.0
examples palomachain/cdp-rest:v1.1.0                          local   standin cdp rest v1.1.0
examples palomachain/cdp-ingest:v1.1.0                        local   standin cdp ingest v1.1.0
examples palomachain/cdp-transform:v1.1.0                     local   standin cdp transform v1.1.0
examples docker.elastic.co/elasticsearch/elasticsearch:8.6.0  public  standin elasticsearch
examples grimoirelab/sortinghat:latest                        local   standin sortinghat server
examples grimoirelab/sortinghat-worker:latest                 local   standin sortinghat worker
examples flyway/flyway:10                                     public  standin flyway
examples confluentinc/cp-kafka:7.6.1                          public  standin kafka
examples confluentinc/cp-kafka-connect:7.6.1                  public  standin connect
examples tchiotludo/akhq:0.25.1                               public  standin akhq
examples public.ecr.aws/getdozer/dozer-features:latest        local   standin dozer
examples polygon-ticker-service:0.0.1-SNAPSHOT                local   standin ticker
examples grafana/grafana-oss:latest                           public  standin grafana
T
}

# --- pulling ------------------------------------------------------------------------------------------------------------------------
# can_pull: asked once; the answer is kept
can_pull() {
  if [ -z "${pull_works:-}" ]; then
    pull_works=no
    if [ "${IMAGES_PULL:-auto}" != no ] && timeout 20 docker pull -q busybox:1 >/dev/null 2>&1; then pull_works=yes; fi
    say "registries: $([ $pull_works = yes ] && echo 'reachable, pulling' || echo 'not reachable, making the images here')"
  fi
  [ "$pull_works" = yes ]
}
pulled() { can_pull && timeout 900 docker pull -q "$1" >/dev/null 2>&1; }

# --- making -------------------------------------------------------------------------------------------------------------------------
# build TAG [docker build arguments...]
build() {
  local tag=$1 t0=$EPOCHREALTIME log=$LAB/build.log
  shift
  docker build -t "$tag" "$@" >"$log" 2>&1 || { tail -30 "$log" >&2; die "could not build $tag"; }
  say "$(printf '  %-54s %5s s  %s' "$tag" "$(since "$t0")" "$(docker image ls --format '{{.Size}}' "$tag")")"
}

standin() { # TAG PROGRAM ARG...: the tools with this command; one build step, because some storage drivers take seconds for each
  local tag=$1 step=CMD words
  shift
  [ "$1" != flyway ] || step=ENTRYPOINT
  words=$(printf '"%s", ' "$@")
  layer tools
  printf 'FROM reconcile-lab/tools:1\n%s [%s]\n' "$step" "${words%, }" | build "$tag" -
}

make_busybox() { # TAG: one static program and its links, 2 MB
  local tag=$1 tree
  tree=$(mktemp -d)
  mkdir -p "$tree"/{bin,etc,root,tmp,var/www}
  cp "$(PATH=/usr/bin:/bin command -v busybox)" "$tree/bin/busybox"
  for applet in $("$tree/bin/busybox" --list); do [ -e "$tree/bin/$applet" ] || ln -s busybox "$tree/bin/$applet"; done
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nnobody:x:65534:\n' >"$tree/etc/group"
  chmod 1777 "$tree/tmp"
  tar -C "$tree" --sort=name --mtime=@0 --owner=0 --group=0 -c . |
    docker import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD ["sh"]' - "$tag" >/dev/null
  rm -rf "$tree"
  say "  $tag"
}

make_debian() { # TAG: what debootstrap makes, less documentation
  local tag=$1 tar t0=$EPOCHREALTIME
  tar=$(debian_tar "$SUITE")
  docker import -c 'CMD ["bash"]' "$tar" "$tag" >/dev/null
  say "$(printf '  %-54s %5s s' "$tag" "$(since "$t0")")"
}

# layer NAME: the image reconcile-lab/NAME:..., made from scripts/images/NAME when it is first needed, after the one below it
layer() {
  case $1 in
    debian)
      has_image reconcile-lab/debian:1 && return
      if pulled debian:$SUITE-slim; then docker tag debian:$SUITE-slim reconcile-lab/debian:1; else make_debian reconcile-lab/debian:1; fi
      return ;;
    base) made "$1" reconcile-lab/base:1 debian --build-arg BASE=reconcile-lab/debian:1 ;;
    pg) made "$1" reconcile-lab/pg:1 base ;;
    postgres) made "$1" reconcile-lab/postgres:17 pg ;;
    timescaledb) made "$1" reconcile-lab/timescaledb:17 postgres ;;
    tools) made "$1" reconcile-lab/tools:1 pg ;;
    mariadb) made "$1" reconcile-lab/mariadb:11.8 base ;;
    redis) made "$1" reconcile-lab/redis:8 base ;;
    nginx) made "$1" reconcile-lab/nginx:1 base ;;
    python) made "$1" reconcile-lab/python:3.13 base ;;
  esac
}
made() { # FOLDER TAG BELOW [docker build arguments...]
  local folder=$1 tag=$2 below=$3
  shift 3
  layer_tag=$tag
  has_image "$tag" && return
  layer "$below"
  [ "$folder" != python ] || cp /etc/ssl/certs/ca-certificates.crt "$HERE/python/host-ca.crt"
  build "$tag" "$@" "$HERE/$folder"
  layer_tag=$tag
}

# provide NAME HOW WHAT...
provide() {
  local name=$1 how=$2
  shift 2
  if has_image "$name" && [ -z "${REBUILD:-}" ]; then return; fi
  if [ "$how" = public ] && pulled "$name"; then say "  $name (pulled)"; return; fi
  case $1 in
    busybox) make_busybox "$name" ;;
    standin) shift; standin "$name" "$@" ;;
    *) layer "$1"; docker tag "$layer_tag" "$name"; say "  $name" ;;
  esac
}

# provide_set SET
provide_set() {
  local set name how what
  while read -r set name how what; do
    # shellcheck disable=SC2086 # what is a list of words
    [ "$set" != "$1" ] || provide "$name" "$how" $what </dev/null
  done < <(table)
}

main() {
  case ${1:-} in
    list) table; return ;;
    test | examples) ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  need_engine
  mkdir -p "$LAB"
  exec 9>"$LAB/images.lock"
  flock 9 # two runs in one checkout: the second finds the work done
  local t0=$EPOCHREALTIME
  # the build cache then decides what is really made again
  [ -z "${REBUILD:-}" ] || docker image ls --format '{{.Repository}}:{{.Tag}}' 'reconcile-lab/*' | grep -v '/debian:' |
    xargs -r docker image rm -f >/dev/null
  provide_set "$1"
  say "images for $1: ready ($(since "$t0") s)"
}
main "$@"
