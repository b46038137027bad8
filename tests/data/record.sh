#!/usr/bin/env bash
# Records what a real Kubernetes API server answers, into tests/data/kubernetes. The simulator is compared with it
# by tests/conformance.rs.
#
#   tests/data/record.sh FOLDER [ONLY]
#
# FOLDER holds ca.crt and one NAME.crt and NAME.key for each of the users admin, captain, viewer and nobody, and
# admin.kubeconfig; the live plane keeps them in ~/.cache/pilothouse-live/clusters/east. ONLY is a part of a name.
# The cluster needs Argo Rollouts' kinds. Everything happens in the namespace `recording`, which is deleted at the end.
# The rollout carries an instance label that makes every controller leave it alone, so nothing changes but by us.
set -euo pipefail
folder=$1 only=${2:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/kubernetes
server=$(sed -n 's/.*"\?server"\?: "\?\(https:[^",]*\)"\?.*/\1/p' "$folder/admin.kubeconfig" | head -1)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

merge='content-type: application/merge-patch+json' json='content-type: application/json'
jsonpatch='content-type: application/json-patch+json' strategic='content-type: application/strategic-merge-patch+json'
table='accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
partial='accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
partials='accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'
aggregated='accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
argo=/apis/argoproj.io/v1alpha1/namespaces/recording core=/api/v1/namespaces/recording apps=/apis/apps/v1/namespaces/recording
ro=$argo/rollouts/web deploy=$apps/deployments/mail cm=$core/configmaps/settings
events=$core/events authn=/apis/authentication.k8s.io/v1 authz=/apis/authorization.k8s.io/v1

ask() { # ask USER METHOD PATH [CURL ARGS]: one exchange
  local user=$1 method=$2 path=$3 proof=(); shift 3
  [[ $user == anonymous ]] || proof=(--cert "$folder/$user.crt" --key "$folder/$user.key")
  curl -sS -m 20 -A recorder/1 --cacert "$folder/ca.crt" "${proof[@]}" -X "$method" "$server$path" "$@"
}

# Uids, addresses and owned fields tell nothing and make the files long.
sanitise='walk(if type == "object" then
    (if has("fieldsV1") then .fieldsV1 = {"f:metadata": {"f:recorded": {}}} else . end)
    | del(.extra?) | (if has("annotations") and (.annotations | type) == "object" then .annotations |= del(."kubectl.kubernetes.io/last-applied-configuration") else . end)
  elif type == "string" and length > 4000 then .[0:200] + " [cut] " + .[-200:] else . end)'

given() { # given PATH...: the objects behind the paths, as one array
  local path; for path in "$@"; do ask admin GET "$path"; done | jq -s "[.[] | if .items then . as \$l | .items[] | {apiVersion: \$l.apiVersion, kind: (\$l.kind | rtrimstr(\"List\"))} + . else . end] | $sanitise"
}

rec() { # rec NAME ABOUT USER METHOD PATH [-g PATH]... [-h HEADER]... [-d BODY] [-t METHOD PATH HEADER BODY]... [-j FILTER] [-l FIELD]...
  local name=$1 about=$2 user=$3 method=$4 path=$5 g=() h=() d= meanwhile='[]' filter=. loose='[]'; shift 5
  [[ $name == *"$only"* ]] || return 0
  while (($#)); do case $1 in
    -g) g+=("$2"); shift 2 ;;
    -h) h+=("$2"); shift 2 ;;
    -d) d=$2; shift 2 ;;
    -t) meanwhile=$(jq -c --arg m "$2" --arg p "$3" --arg h "$4" --arg b "$5" '. + [{method: $m, path: $p, headers: (if $h == "" then [] else [$h] end), body: $b}]' <<<"$meanwhile"); shift 5 ;;
    -j) filter=$2; shift 2 ;;
    -l) loose=$(jq -c --arg l "$2" '. + [$l]' <<<"$loose"); shift 2 ;;
  esac; done
  local objects='[]' rv= uid= body=$d sent=$path args=() pair
  ((${#g[@]})) && objects=$(given "${g[@]}")
  rv=$(jq -r '.[0].metadata.resourceVersion // ""' <<<"$objects") uid=$(jq -r '.[0].metadata.uid // ""' <<<"$objects")
  body=${body//@RV@/$rv} body=${body//@UID@/$uid} sent=${sent//@RV@/$rv}
  for pair in "${h[@]}"; do args+=(-H "$pair"); done
  if [[ -n $d ]]; then printf '%s' "$body" >"$work/body"; args+=(--data-binary "@$work/body"); fi
  ask "$user" "$method" "$sent" -D "$work/head" -o "$work/answer" "${args[@]}" &
  local pid=$!
  if [[ $meanwhile != '[]' ]]; then
    sleep 0.7
    while IFS= read -r pair; do
      ask admin "$(jq -r .method <<<"$pair")" "$(jq -r .path <<<"$pair")" -o /dev/null -H "$(jq -r '.headers[0] // "x: y"' <<<"$pair")" --data-binary "$(jq -r .body <<<"$pair")"
      sleep 0.1
    done < <(jq -c '.[]' <<<"$meanwhile")
  fi
  wait $pid
  tr -d '\r' <"$work/head" | jq -Rs '[split("\n")[] | select(contains(": ")) | capture("^(?<k>[^:]+): (?<v>.*)$") | .k |= ascii_downcase]
    | map(select(.k | IN("content-type", "warning", "retry-after", "audit-id", "date", "cache-control", "x-content-type-options")))
    | map(if .k | IN("audit-id", "date") then .v = "present" else . end) | group_by(.k) | map({key: .[0].k, value: map(.v)}) | from_entries' >"$work/headers"
  local code; code=$(awk 'NR == 1 {print $2}' "$work/head")
  local kind=text
  if jq -e . "$work/answer" >/dev/null 2>&1; then
    kind=json; [[ $(jq -s length "$work/answer") == 1 && $sent != *watch=* ]] || kind=lines
  fi
  case $kind in
    json) jq "$filter | $sanitise" "$work/answer" >"$work/clean" ;;
    lines) jq -s "map($filter) | $sanitise" "$work/answer" >"$work/clean" ;;
    text) jq -Rs . "$work/answer" >"$work/clean" ;;
  esac
  jq -n --arg about "$about" --arg user "$user" --arg method "$method" --arg path "$path" --arg kind "$kind" --arg d "$d" --argjson code "$code" \
    --argjson given "$objects" --argjson meanwhile "$meanwhile" --argjson loose "$loose" --slurpfile headers "$work/headers" --slurpfile body "$work/clean" \
    --argjson h "$(printf '%s\n' "${h[@]}" | jq -R . | jq -s 'map(select(. != ""))')" '
    {about: $about, given: $given, user: $user,
     request: ({method: $method, path: $path, headers: $h} + (if $d == "" then {} else {body: $d} end)),
     answer: {code: $code, headers: $headers[0], ($kind): $body[0]}}
    | if ($meanwhile | length) > 0 then .meanwhile = $meanwhile else . end
    | if ($loose | length) > 0 then .loose = $loose else . end' >"$here/$name.json"
  printf '%s %s\n' "$code" "$name" >&2
}

make() { # the objects, as new
  local path; for path in $ro $deploy $cm; do ask admin DELETE "$path?gracePeriodSeconds=0" -o /dev/null; done
  ask admin POST $argo/rollouts -o /dev/null -H "$json" -d '{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"web","labels":{"app":"web","argo-rollouts.argoproj.io/controller-instance-id":"recording"},"annotations":{"rollout.argoproj.io/revision":"2"}},
    "spec":{"replicas":1,"selector":{"matchLabels":{"app":"web"}},"strategy":{"canary":{"steps":[{"setWeight":50},{"pause":{}}]}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"registry.example.test/shop/web:2","resources":{}}]}}}}'
  ask admin PATCH $ro/status -o /dev/null -H "$merge" -d '{"status":{"phase":"Paused","message":"CanaryPauseStep","selector":"app=web","HPAReplicas":1,"replicas":1,"currentStepIndex":1,"currentPodHash":"abc","stableRS":"def","observedGeneration":"1","controllerPause":true,"pauseConditions":[{"reason":"CanaryPauseStep","startTime":"2026-01-01T00:00:00Z"}]}}'
  ask admin POST $apps/deployments -o /dev/null -H "$json" -d '{"metadata":{"name":"mail","labels":{"app":"mail"}},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"mail"}},"template":{"metadata":{"labels":{"app":"mail"}},"spec":{"containers":[{"name":"app","image":"registry.example.test/shop/mail:1","env":[{"name":"A","value":"1"}]}]}}}}'
  ask admin POST $core/configmaps -o /dev/null -H "$json" -d '{"metadata":{"name":"settings","labels":{"part":"a"}},"data":{"a":"1"}}'
  local before= after=x i # until the deployment's controller is done
  for ((i = 0; i < 30; i++)); do
    before=$after; sleep 0.6; after=$(ask admin GET $deploy | jq -r .metadata.resourceVersion)
    [[ $before != "$after" ]] || return 0
  done
  echo 'record: the deployment does not settle' >&2; exit 1
}

wait_for() { # wait_for WHAT COMMAND...: at most half a minute
  local what=$1 end=$((SECONDS + 30)); shift
  until "$@"; do ((SECONDS < end)) || { echo "record: $what: gave up" >&2; exit 1; }; sleep 0.3; done
}
is_made() { [[ $(ask admin POST /api/v1/namespaces -o /dev/null -w '%{http_code}' -H "$json" -d '{"metadata":{"name":"recording"}}') == 201 ]]; }
is_running() { [[ $(ask admin GET $pod | jq -r .status.phase) == Running ]]; }

ask admin DELETE /api/v1/namespaces/recording -o /dev/null
wait_for 'the namespace' is_made
sleep 1
make

# What there is.
rec version 'the version' nobody GET /version -l gitCommit
rec api 'the core API' admin GET /api -j '.serverAddressByClientCIDRs[0].serverAddress = "127.0.0.1:6443"'
rec readyz 'ready' admin GET /readyz
rec livez-ping 'one check of health' admin GET /livez/ping
known='["configmaps","events","namespaces","namespaces/finalize","namespaces/status","nodes","nodes/status","pods","pods/log","pods/proxy","pods/status","services","services/proxy","services/status"]'
rec discovery-core 'resources of the core group' admin GET /api/v1 -j ".resources |= map(select(.name | IN($known[])))"
rec discovery-apps 'resources of apps' admin GET /apis/apps/v1
rec discovery-argo 'resources of Argo Rollouts' admin GET /apis/argoproj.io/v1alpha1
rec discovery-group 'one group' admin GET /apis/argoproj.io
groups='["apps","argoproj.io","authentication.k8s.io","authorization.k8s.io","batch","coordination.k8s.io","networking.k8s.io"]'
rec discovery-groups 'all groups' admin GET /apis -j ".groups |= map(select(.name | IN($groups[])))"
rec discovery-aggregated 'all groups and resources in one' admin GET /apis -h "$aggregated" -j '.items |= map(select(.metadata.name | IN("apps", "argoproj.io")))'
rec path-unknown 'a path nobody serves' admin GET /nothing
rec group-unknown 'a group nobody serves' admin GET /apis/nothing.example.test
rec version-unknown 'a version nobody serves' admin GET /apis/argoproj.io/v9
rec resource-unknown 'a resource the core group lacks' admin GET /api/v1/nothings
rec resource-unknown-custom 'a resource a custom group lacks' admin GET /apis/argoproj.io/v1alpha1/nothings
rec namespaced-node 'a cluster-wide kind in a namespace' admin GET $core/nodes
rec method-version 'a method that fits no path' admin DELETE /version
rec method-collection 'PATCH of a collection, built in' admin PATCH $core/pods -h "$merge" -d '{}'
rec method-collection-custom 'PATCH of a collection, custom' admin PATCH $argo/rollouts -h "$merge" -d '{}'
rec method-log 'PATCH of a log' admin PATCH $core/pods/x/log -h "$merge" -d '{}'
rec method-status-create 'POST to a status' admin POST $ro/status -g $ro -h "$json" -d '{}'
rec part-unknown 'a part that does not exist' admin GET $ro/nothing -g $ro

# Reading.
rec get 'a rollout' admin GET $ro -g $ro
rec get-missing 'a rollout that is not there' admin GET $argo/rollouts/none
rec get-partial 'metadata only' admin GET $ro -g $ro -h "$partial"
rec get-table 'as a table' admin GET $ro -g $ro -h "$table"
rec get-status 'the status' admin GET $ro/status -g $ro
rec get-html 'a form nobody speaks' admin GET $ro -g $ro -h 'accept: text/html'
rec list 'rollouts' admin GET $argo/rollouts -g $ro
rec list-empty 'no analysis runs' admin GET $argo/analysisruns
rec list-built-in 'deployments' admin GET $apps/deployments -g $deploy
rec list-partial 'metadata only' admin GET $argo/rollouts -g $ro -h "$partials"
rec list-table 'rollouts as a table' admin GET $argo/rollouts -g $ro -h "$table"
rec list-table-deployments 'deployments as a table' admin GET $apps/deployments -g $deploy -h "$table"
rec list-table-configmaps 'config maps as a table' admin GET "$core/configmaps?labelSelector=part%3Da" -g $cm -h "$table"
rec list-table-none 'a table without objects' admin GET "$argo/rollouts?includeObject=None" -g $ro -h "$table"
rec list-table-bad 'a table with nonsense' admin GET "$argo/rollouts?includeObject=Foo" -g $ro -h "$table"
rec list-page 'the first page' admin GET "$core/configmaps?limit=1" -g $core/configmaps
rec list-selector 'by labels' admin GET "$core/configmaps?labelSelector=part+in+(a,b)" -g $cm
rec list-limit-bad 'a limit that is no number' admin GET "$argo/rollouts?limit=abc"
rec list-selector-bad 'a broken label selector' admin GET "$argo/rollouts?labelSelector=a==b==c"
rec list-selector-bad-set 'a broken set' admin GET "$argo/rollouts?labelSelector=a+in+b"
rec list-field-bad 'an unknown field, custom' admin GET "$argo/rollouts?fieldSelector=spec.paused=true"
rec list-field-bad-pod 'an unknown field of pods' admin GET "$core/pods?fieldSelector=spec.foo=true"
rec list-field-bad-deployment 'an unknown field of deployments' admin GET "$apps/deployments?fieldSelector=status.foo=true"
rec list-field-broken 'a broken field selector' admin GET "$core/events?fieldSelector=foo"
rec list-continue-bad 'a broken token' admin GET "$argo/rollouts?continue=abc" -l message
rec list-continue-old 'an expired token' admin GET "$argo/rollouts?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJ3ZWJcdTAwMDAifQ" -l continue
rec list-continue-and-revision 'a token and a revision' admin GET "$argo/rollouts?resourceVersion=5&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJ3ZWJcdTAwMDAifQ"
rec list-future 'a revision to come' admin GET "$core/pods?resourceVersion=99999999999" -l message
rec list-exact-old 'a revision too old' admin GET "$core/pods?resourceVersion=5&resourceVersionMatch=Exact"
rec list-match-bad 'a match without a revision' admin GET "$core/pods?resourceVersionMatch=Exact"
rec list-match-unknown 'an unknown match' admin GET "$core/pods?resourceVersion=5&resourceVersionMatch=Foo"
rec list-revision-bad 'a revision that is no number' admin GET "$core/pods?resourceVersion=abc"
rec list-initial 'initial events of a list' admin GET "$core/pods?sendInitialEvents=true"

# Watching.
rec watch-initial 'what exists, then a bookmark' admin GET "$argo/rollouts?watch=true&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan" -g $ro
rec watch-initial-table 'the same as a table' admin GET "$core/configmaps?watch=true&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=part%3Da" -g $cm -h "$table"
rec watch-old 'a revision too old' admin GET "$argo/rollouts?watch=true&timeoutSeconds=1&resourceVersion=1" -l message
rec watch-revision-bad 'a revision that is no number' admin GET "$argo/rollouts?watch=true&timeoutSeconds=1&resourceVersion=abc"
rec watch-initial-bad 'initial events without a match' admin GET "$argo/rollouts?watch=true&timeoutSeconds=1&sendInitialEvents=true"
rec watch-timeout-bad 'a timeout that is no number' admin GET "$argo/rollouts?watch=true&timeoutSeconds=abc"
rec watch-selector 'what enters, changes and leaves a selector' admin GET "$core/configmaps?watch=true&timeoutSeconds=3&labelSelector=part%3Da&resourceVersion=@RV@" -g $cm \
  -t PATCH $cm "$merge" '{"data":{"a":"2"}}' -t PATCH $cm "$merge" '{"data":{"a":"2"}}' -t PATCH $cm "$merge" '{"metadata":{"labels":{"part":"b"}}}' \
  -t PATCH $cm "$merge" '{"data":{"a":"3"}}' -t PATCH $cm "$merge" '{"metadata":{"labels":{"part":"a"}}}' -t PATCH "$cm?dryRun=All" "$merge" '{"data":{"a":"4"}}' -t DELETE $cm '' ''
make

# Patches: the table of deeds.md.
both() { # both NAME ABOUT QUERY HEADER BODY [-l FIELD]: on the rollout and on the deployment
  local name=$1 about=$2 query=$3 header=$4 body=$5; shift 5
  rec "$name" "$about" admin PATCH "$ro$query" -g $ro -h "$header" -d "$body" "$@"
  rec "$name-built-in" "$about, built in" admin PATCH "$deploy$query" -g $deploy -h "$header" -d "$body" "$@"
}
both patch-stale 'an old revision' '' "$merge" '{"metadata":{"resourceVersion":"1"},"spec":{"paused":true}}'
rec patch-stale-status 'an old revision, status' admin PATCH $ro/status -g $ro -h "$merge" -d '{"metadata":{"resourceVersion":"1"},"status":{"abort":true}}'
rec patch-stale-same 'an old revision and no change' admin PATCH $ro -g $ro -h "$merge" -d '{"metadata":{"resourceVersion":"1"}}'
rec patch-stale-dry 'an old revision, dry run' admin PATCH "$ro?dryRun=All" -g $ro -h "$merge" -d '{"metadata":{"resourceVersion":"1"},"spec":{"paused":true}}'
both patch-revision-zero 'revision 0' '?dryRun=All' "$merge" '{"metadata":{"resourceVersion":"0"},"spec":{"paused":true}}'
both patch-revision-empty 'no revision' '?dryRun=All' "$merge" '{"metadata":{"resourceVersion":""},"spec":{"paused":true}}'
both patch-revision-bad 'a revision that is no number' '' "$merge" '{"metadata":{"resourceVersion":"abc"},"spec":{"paused":true}}'
both patch-same 'no change' '' "$merge" '{"metadata":{"resourceVersion":"@RV@"}}'
both patch-dry 'a dry run' '?dryRun=All&fieldManager=pilothouse' "$merge" '{"metadata":{"resourceVersion":"@RV@"},"spec":{"paused":true}}'
both patch-uid 'another uid' '' "$merge" '{"metadata":{"uid":"x"},"spec":{"paused":true}}'
rec patch-uid-status 'another uid, status' admin PATCH "$ro/status?dryRun=All" -g $ro -h "$merge" -d '{"metadata":{"uid":"x"},"status":{"abort":true}}'
both patch-strict 'an unknown field, strict' '?dryRun=All&fieldValidation=Strict' "$merge" '{"spec":{"pausedd":true}}' -l message
both patch-unknown 'an unknown field' '?dryRun=All' "$merge" '{"spec":{"pausedd":true}}'
rec patch-unknown-ignored 'an unknown field, ignored' admin PATCH "$ro?dryRun=All&fieldValidation=Ignore" -g $ro -h "$merge" -d '{"spec":{"pausedd":true},"status":{"q":1}}'
rec patch-type-status 'wrong types in the status' admin PATCH "$ro/status?dryRun=All" -g $ro -h "$merge" -d '{"status":{"abort":"yes"}}'
rec patch-type 'wrong types' admin PATCH "$ro?dryRun=All" -g $ro -h "$merge" -d '{"spec":{"paused":"yes"}}'
rec patch-type-built-in 'wrong types, built in' admin PATCH "$deploy?dryRun=All" -g $deploy -h "$merge" -d '{"spec":{"paused":"yes"}}' -l message
rec patch-annotation-type 'an annotation that is a number' admin PATCH "$ro?dryRun=All" -g $ro -h "$merge" -d '{"metadata":{"annotations":{"a":1}}}' -l message
both patch-annotation 'an annotation' '?dryRun=All' "$merge" '{"metadata":{"annotations":{"pilothouse.dev/order":"1"}}}'
both patch-name 'another name' '' "$merge" '{"metadata":{"name":"x"}}'
both patch-namespace 'another namespace' '' "$merge" '{"metadata":{"namespace":"x"}}'
rec patch-kind 'another kind' admin PATCH $ro -g $ro -h "$merge" -d '{"kind":"Foo"}' -l message -l kind
both patch-negative 'fewer than no replicas' '?dryRun=All' "$merge" '{"spec":{"replicas":-1}}'
both patch-selector 'another selector' '?dryRun=All' "$merge" '{"spec":{"selector":{"matchLabels":{"app":"z"}}}}'
both patch-broken 'broken JSON' '' "$merge" '{"spec":'
both patch-list 'a list' '' "$merge" '[1]'
both patch-media 'a media type that is no patch' '' "$json" '{}'
rec patch-strategic-custom 'a strategic patch of a custom kind' admin PATCH $ro -g $ro -h "$strategic" -d '{}'
rec patch-missing 'an object that is not there' admin PATCH $argo/rollouts/none -h "$merge" -d '{}'
rec patch-dry-bad 'half a dry run' admin PATCH "$ro?dryRun=Some" -g $ro -h "$merge" -d '{}'
rec patch-validation-bad 'unknown validation' admin PATCH "$ro?fieldValidation=Foo" -g $ro -h "$merge" -d '{}'
rec patch-manager-long 'a manager of 200 letters' admin PATCH "$ro?fieldManager=$(printf 'x%.0s' {1..200})" -g $ro -h "$merge" -d '{}'
rec patch-forbidden 'without the right' viewer PATCH $ro/status -g $ro -h "$merge" -d '{"status":{"abort":true}}'
rec patch-forbidden-dry 'a dry run without the right' viewer PATCH "$ro?dryRun=All" -g $ro -h "$merge" -d '{"spec":{"paused":true}}'
both json-replace-revision 'replace the revision by an old one' '' "$jsonpatch" '[{"op":"replace","path":"/metadata/resourceVersion","value":"1"}]'
both json-replace-fresh 'replace the revision by itself' '?dryRun=All' "$jsonpatch" '[{"op":"replace","path":"/metadata/resourceVersion","value":"@RV@"},{"op":"add","path":"/spec/paused","value":false}]'
both json-test 'a test that fails' '' "$jsonpatch" '[{"op":"test","path":"/metadata/resourceVersion","value":"1"}]'
both json-remove-missing 'remove what is not there' '' "$jsonpatch" '[{"op":"remove","path":"/spec/nothing"}]'
both json-replace-missing 'replace a field that is not there' '?dryRun=All' "$jsonpatch" '[{"op":"replace","path":"/spec/minReadySeconds","value":3}]'
both json-replace-missing-parent 'replace in a field that is not there' '' "$jsonpatch" '[{"op":"replace","path":"/spec/nothing/here","value":3}]'
both json-object 'an object instead of a list' '' "$jsonpatch" '{"op":"x"}'
both json-unknown-op 'an unknown operation' '' "$jsonpatch" '[{"op":"frobnicate","path":"/spec/paused"}]'
rec strategic-env 'one variable more' admin PATCH "$deploy?dryRun=All" -g $deploy -h "$strategic" -d '{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"B","value":"2"}]}]}}}}'
rec strategic-no-key 'an element without its key' admin PATCH "$deploy?dryRun=All" -g $deploy -h "$strategic" -d '{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}' -l message
rec status-main 'a status sent to the object' admin PATCH "$ro?dryRun=All" -g $ro -h "$merge" -d '{"status":{"abort":true}}'
rec status-annotations 'annotations sent to the status' admin PATCH "$ro/status?dryRun=All" -g $ro -h "$merge" -d '{"metadata":{"annotations":{"x":"y"}},"spec":{"paused":true},"status":{"message":"m"}}'
rec status-annotations-built-in 'the same, built in' admin PATCH "$deploy/status?dryRun=All" -g $deploy -h "$merge" -d '{"metadata":{"annotations":{"x":"y"},"labels":{"q":"r"}},"spec":{"paused":true}}'
rec patch-pause 'a pause that counts' admin PATCH "$ro?fieldManager=pilothouse" -g $ro -h "$merge" -d '{"metadata":{"resourceVersion":"@RV@"},"spec":{"paused":true}}'
make
rec patch-promote 'a promote that only takes away' admin PATCH "$ro/status?fieldManager=pilothouse" -g $ro -h "$merge" -d '{"metadata":{"resourceVersion":"@RV@"},"status":{"pauseConditions":null}}'
make

# Scale.
rec scale-get 'the scale of a rollout' admin GET $ro/scale -g $ro
rec scale-get-built-in 'the scale of a deployment' admin GET $deploy/scale -g $deploy
rec scale-patch 'another scale' admin PATCH "$ro/scale?dryRun=All" -g $ro -h "$merge" -d '{"spec":{"replicas":3}}'
rec scale-patch-stale 'an old revision' admin PATCH "$ro/scale" -g $ro -h "$merge" -d '{"metadata":{"resourceVersion":"1"},"spec":{"replicas":3}}'
rec scale-negative 'fewer than none' admin PATCH "$ro/scale" -g $ro -h "$merge" -d '{"spec":{"replicas":-3}}'
rec scale-negative-built-in 'fewer than none, built in' admin PATCH "$deploy/scale" -g $deploy -h "$merge" -d '{"spec":{"replicas":-3}}'
rec scale-type 'a word' admin PATCH "$ro/scale" -g $ro -h "$merge" -d '{"spec":{"replicas":"x"}}' -l message

# Whole objects.
rec put-no-revision 'a custom object without a revision' admin PUT $ro -g $ro -h "$json" -d '{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"web"},"spec":{}}'
rec put-other-name 'another name' admin PUT $ro -g $ro -h "$json" -d '{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"x"},"spec":{}}'
rec put-other-kind 'another kind' admin PUT $ro -g $ro -h "$json" -d '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{}}'
rec put-stale 'an old revision' admin PUT $cm -g $cm -h "$json" -d '{"metadata":{"name":"settings","resourceVersion":"3"}}'
rec put-uid 'another uid' admin PUT $cm -g $cm -h "$json" -d '{"metadata":{"name":"settings","uid":"x"}}' -l message
rec put-over 'without a revision, built in' admin PUT "$cm?dryRun=All" -g $cm -h "$json" -d '{"metadata":{"name":"settings"},"data":{"b":"2"}}'
rec put-missing 'an object that is not there' admin PUT $core/configmaps/none -h "$json" -d '{"metadata":{"name":"none"}}'
rec create 'a config map' admin POST "$core/configmaps?dryRun=All" -h "$json" -d '{"metadata":{"name":"new"},"data":{"a":"1"}}'
rec create-exists 'a name taken' admin POST $core/configmaps -g $cm -h "$json" -d '{"metadata":{"name":"settings"}}'
rec create-nameless 'no name' admin POST $core/configmaps -h "$json" -d '{"metadata":{}}'
rec create-bad-name 'a name that cannot be' admin POST $core/configmaps -h "$json" -d '{"metadata":{"name":"A_b"}}' -l message
rec create-other-namespace 'another namespace' admin POST $core/configmaps -h "$json" -d '{"metadata":{"name":"a","namespace":"b"}}'
rec create-no-namespace 'a namespace that is not there' admin POST /api/v1/namespaces/none/configmaps -g /api/v1/namespaces/recording -h "$json" -d '{"metadata":{"name":"a"}}'
rec create-revision 'a revision' admin POST $core/configmaps -h "$json" -d '{"metadata":{"name":"a","resourceVersion":"3"}}'
rec create-kindless 'no kind, custom' admin POST $argo/rollouts -h "$json" -d '{"metadata":{"name":"a"}}'
rec create-broken 'broken JSON' admin POST $core/configmaps -h "$json" -d '{"metadata":'
rec create-text 'a text' admin POST $core/configmaps -h 'content-type: text/plain' -d '{}'
rec create-strict 'an unknown field, strict' admin POST "$argo/rollouts?fieldValidation=Strict&dryRun=All" -h "$json" -d '{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"a"},"spec":{"foo":1}}'
rec create-rollout 'a rollout with a status and an unknown field' admin POST "$argo/rollouts?dryRun=All" -h "$json" -d '{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"a"},"spec":{"foo":1},"status":{"abort":true}}'
rec create-specless 'a rollout without a spec' admin POST "$argo/rollouts?dryRun=All" -h "$json" -d '{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"a"}}'
rec create-event 'an event' admin POST "$events?fieldManager=pilothouse" -h "$json" -d '{"metadata":{"generateName":"web."},"involvedObject":{"kind":"Rollout","namespace":"recording","name":"web"},"reason":"Paused","message":"m","type":"Normal","source":{"component":"pilothouse"}}'
rec create-event-elsewhere 'an event about another namespace' admin POST "$events" -h "$json" -d '{"metadata":{"name":"web.1"},"involvedObject":{"kind":"Rollout","namespace":"other","name":"web"},"reason":"X","message":"m","type":"Normal"}'
rec create-forbidden 'an event without the right' captain POST "$events" -h "$json" -d '{}'
rec delete-uid 'another uid' admin DELETE $cm -g $cm -h "$json" -d '{"preconditions":{"uid":"x"}}' -l message
rec delete-revision 'an old revision' admin DELETE $cm -g $cm -h "$json" -d '{"preconditions":{"resourceVersion":"1"}}' -l message
rec delete-dry 'a dry run' admin DELETE "$cm?dryRun=All" -g $cm
rec delete-dry-rollout 'a dry run, custom' admin DELETE "$ro?dryRun=All" -g $ro
rec delete-broken 'broken options' admin DELETE $cm -g $cm -h "$json" -d '{"pre'
rec delete-missing 'an object that is not there' admin DELETE $core/configmaps/none
rec delete-many-dry 'all of a label' admin DELETE "$core/configmaps?dryRun=All&labelSelector=part%3Da" -g $cm

# Who may what.
ssar() { echo '{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":'"$1"'}'; }
rec review-who 'who am I' captain POST $authn/selfsubjectreviews -h "$json" -d '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
rec review-may 'may I, yes' captain POST $authz/selfsubjectaccessreviews -h "$json" -d "$(ssar '{"resourceAttributes":{"group":"argoproj.io","resource":"rollouts","subresource":"status","verb":"patch","namespace":"shop"}}')" -l reason
rec review-may-not 'may I, no' viewer POST $authz/selfsubjectaccessreviews -h "$json" -d "$(ssar '{"resourceAttributes":{"group":"argoproj.io","resource":"rollouts","subresource":"status","verb":"patch","namespace":"shop"}}')"
rec review-may-admin 'may I, always' admin POST $authz/selfsubjectaccessreviews -h "$json" -d "$(ssar '{"resourceAttributes":{"group":"argoproj.io","resource":"rollouts","verb":"patch","namespace":"shop"}}')"
rec review-may-path 'may I read a path' viewer POST $authz/selfsubjectaccessreviews -h "$json" -d "$(ssar '{"nonResourceAttributes":{"path":"/version","verb":"get"}}')" -l reason
rec review-may-nothing 'may I what' viewer POST $authz/selfsubjectaccessreviews -h "$json" -d "$(ssar '{}')"
rec review-may-broken 'broken JSON' viewer POST $authz/selfsubjectaccessreviews -h "$json" -d '{"spec":'
rec review-rules 'what may I' captain POST $authz/selfsubjectrulesreviews -h "$json" -d '{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{"namespace":"shop"}}'
rec review-rules-nowhere 'what may I, nowhere' captain POST $authz/selfsubjectrulesreviews -h "$json" -d '{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{}}'
rec forbidden-list 'a list without the right' nobody GET /apis/argoproj.io/v1alpha1/rollouts
rec forbidden-get 'an object without the right' nobody GET $ro
rec forbidden-log 'a log without the right' nobody GET $core/pods/x/log
rec forbidden-node 'a node without the right' nobody GET /api/v1/nodes/x
rec forbidden-path 'a path without the right' nobody GET /metrics
rec forbidden-anonymous 'no proof at all' anonymous GET /api/v1/pods
rec token-bad 'a token nobody knows' anonymous GET /api/v1/pods -h 'authorization: Bearer stolen'

# Pods: one that nobody owns, which the simulated nodes of the live plane start.
ask admin POST $core/pods -o /dev/null -H "$json" -d '{"metadata":{"name":"probe","labels":{"app":"probe"}},"spec":{"containers":[{"name":"app","image":"registry.example.test/shop/probe:1","ports":[{"containerPort":8080,"name":"http"}]},{"name":"side","image":"registry.example.test/shop/side:1"}]}}'
pod=$core/pods/probe
wait_for 'the pod' is_running; sleep 1
rec pod 'a pod' admin GET $pod -g $pod
rec pods-table 'pods as a table' admin GET $core/pods -g $pod -h "$table"
rec pods-by-node 'pods of a node' admin GET "$core/pods?fieldSelector=spec.nodeName%3Dnowhere" -g $pod
rec pods-by-phase 'pods that run' admin GET "$core/pods?fieldSelector=status.phase%3DRunning,metadata.name!%3Dx" -g $pod
rec events-table 'events as a table' admin GET "$events?fieldSelector=involvedObject.name%3Dprobe" -g "$events?fieldSelector=involvedObject.name%3Dprobe" -h "$table"
rec log 'a log' admin GET "$pod/log?container=app&tailLines=2" -g $pod -l text
rec log-no-container 'a log of which container' admin GET $pod/log -g $pod
rec log-other-container 'a container that is not there' admin GET "$pod/log?container=none" -g $pod
rec proxy-closed 'a port where nobody listens' admin GET $pod:1234/proxy/metrics -g $pod
rec pod-delete-dry 'deleting a pod, dry run' admin DELETE "$pod?dryRun=All" -g $pod
rec pod-order 'another order of containers' admin PATCH "$pod?dryRun=All" -g $pod -h "$strategic" -d '{"spec":{"$setElementOrder/containers":[{"name":"side"},{"name":"app"}],"containers":[{"name":"side","image":"registry.example.test/shop/side:2"}]}}' -l message
rec pod-image 'another image' admin PATCH "$pod?dryRun=All" -g $pod -h "$strategic" -d '{"spec":{"containers":[{"name":"side","image":"registry.example.test/shop/side:2"}]}}'
rec nodes-table 'a node as a table' admin GET /api/v1/nodes/node-a -g /api/v1/nodes/node-a -h "$table"
rec namespace 'a namespace' admin GET /api/v1/namespaces/recording -g /api/v1/namespaces/recording
rec namespace-delete-dry 'deleting a namespace, dry run' admin DELETE "/api/v1/namespaces/recording?dryRun=All" -g /api/v1/namespaces/recording
head -c 3300000 /dev/zero | tr '\0' x >"$work/x"; printf '{"data":{"a":"%s"}}' "$(cat "$work/x")" >"$work/large"
[[ -n $only ]] || printf '413 expected, got %s\n' "$(ask admin PATCH $cm -o /dev/null -w '%{http_code}' -H "$merge" --data-binary "@$work/large")" >&2
rec log-missing 'the log of a pod that is not there' admin GET $core/pods/none/log
rec log-tail-bad 'a tail that is no number' admin GET "$core/pods/none/log?tailLines=abc"
rec log-tail-negative 'a negative tail' admin GET "$core/pods/none/log?tailLines=-1"
rec proxy-missing 'the metrics of a pod that is not there' admin GET $core/pods/none:8080/proxy/metrics

ask admin DELETE /api/v1/namespaces/recording -o /dev/null
