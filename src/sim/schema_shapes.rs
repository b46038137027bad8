//! The fields of the kinds whose unknown fields and wrong types are noticed, in the words of
//! `schema`. Pod templates and metric providers are taken as they come.

/// Shapes that stand in several places.
pub(super) const PARTS: [(&str, &str); 12] = [
    ("match", "{exact:str,prefix:str,regex:str}"),
    ("meta", "{annotations:<str>,labels:<str>}"),
    (
        "selector",
        "{matchExpressions:[{key!:str,operator!:str,values:[str]}], \
        matchLabels:<str>}",
    ),
    (
        "args",
        "[{name!:str,value:str,valueFrom:{fieldRef:{fieldPath!:str}, \
        podTemplateHashValue:str}}]",
    ),
    (
        "condition",
        "{lastTransitionTime!:time,lastUpdateTime!:time,message!:str,reason!:str, \
        status!:str,type!:str}",
    ),
    ("run", "{message:str,name!:str,status!:str}"),
    ("arn", "{arn!:str,fullName:str,name!:str}"),
    ("weight", "{podTemplateHash:str,serviceName:str,weight!:int}"),
    (
        "istio",
        "{name!:str,routes:[str],tcpRoutes:[{port:int}],tlsRoutes:[{port:int, \
        sniHosts:[str]}]}",
    ),
    (
        "spread",
        "{preferredDuringSchedulingIgnoredDuringExecution:{weight!:int}, \
        requiredDuringSchedulingIgnoredDuringExecution:{}}",
    ),
    (
        "alb",
        "{canaryTargetGroup:@arn,ingress:str,loadBalancer:@arn, \
        stableTargetGroup:@arn}",
    ),
    (
        "analysis",
        "{analysisRunMetadata:@meta,args:@args,dryRun:[{metricName!:str}], \
        measurementRetention:[{limit!:int,metricName!:str}],templates:[{ \
        clusterScope:bool,templateName:str}]}",
    ),
];

/// Rollout of Argo Rollouts 1.10.
pub(super) const ROLLOUT: &str = "\
    {spec!:{analysis:{successfulRunHistoryLimit:int,unsuccessfulRunHistoryLimit:int}, \
    minReadySeconds:int,paused:bool,progressDeadlineAbort:bool,progressDeadlineSeconds:int, \
    replicas:int,restartAt:time,revisionHistoryLimit:int,rollbackWindow:{revisions:int}, \
    selector:@selector,strategy:{blueGreen:{abortScaleDownDelaySeconds:int, \
    activeMetadata:@meta,activeService!:str,antiAffinity:@spread,autoPromotionEnabled:bool, \
    autoPromotionSeconds:int,maxUnavailable:intstr,postPromotionAnalysis:@analysis, \
    prePromotionAnalysis:@analysis,previewMetadata:@meta,previewReplicaCount:int, \
    previewService:str,scaleDownDelayRevisionLimit:int,scaleDownDelaySeconds:int},canary:{ \
    abortScaleDownDelaySeconds:int,analysis:{analysisRunMetadata:@meta,args:@args,dryRun:[{ \
    metricName!:str}],measurementRetention:[{limit!:int,metricName!:str}],startingStep:int, \
    templates:[{clusterScope:bool,templateName:str}]},antiAffinity:@spread, \
    canaryMetadata:@meta,canaryService:str,dynamicStableScale:bool,maxSurge:intstr, \
    maxUnavailable:intstr,minPodsPerReplicaSet:int,pingPong:{pingService!:str, \
    pongService!:str},replicaProgressThreshold:{type!:str,value!:int}, \
    scaleDownDelayRevisionLimit:int,scaleDownDelaySeconds:int,stableMetadata:@meta, \
    stableService:str,steps:[{analysis:@analysis,experiment:{analyses:[{args:@args, \
    clusterScope:bool,name!:str,requiredForCompletion:bool,templateName!:str}], \
    analysisRunMetadata:@meta,dryRun:[{metricName!:str}],duration:str, \
    scaleDownDelaySeconds:int,templates!:[{metadata:@meta,name!:str,replicas:int, \
    selector:@selector,service:{name:str},specRef!:str,weight:int}]},pause:{ \
    duration:intstr},plugin:{config:*,name!:str},setCanaryScale:{matchTrafficWeight:bool, \
    replicas:int,weight:int},setHeaderRoute:{match:[{headerName!:str,headerValue!:@match}], \
    name:str},setMirrorRoute:{match:[{headers:<@match>,method:@match,path:@match}], \
    name!:str,percentage:int},setWeight:int}],trafficRouting:{alb:{annotationPrefix:str, \
    ingress:str,ingresses:[str],rootService:str,servicePort!:int,stickinessConfig:{ \
    durationSeconds!:int,enabled!:bool}},ambassador:{mappings!:[str]},apisix:{route:{ \
    name!:str,rules:[str]}},appMesh:{virtualNodeGroup:{canaryVirtualNodeRef!:{name!:str}, \
    stableVirtualNodeRef!:{name!:str}},virtualService:{name!:str,routes:[str]}},istio:{ \
    destinationRule:{additionalSubsetNames:[str],canarySubsetName!:str,name!:str, \
    stableSubsetName!:str},virtualService:@istio,virtualServices:[@istio]},managedRoutes:[{ \
    name!:str}],maxTrafficWeight:int,nginx:{additionalIngressAnnotations:<str>, \
    annotationPrefix:str,canaryIngressAnnotations:<str>,stableIngress:str,stableIngresses:[ \
    str]},plugins:*,smi:{rootService:str,trafficSplitName:str},traefik:{ \
    weightedTraefikServiceName!:str}}}},template:{metadata:*,spec:*},workloadRef:{ \
    apiVersion:str,kind:str,name:str,scaleDown:str}},status:{HPAReplicas:int,abort:bool, \
    abortedAt:time,alb:@alb,albs:[@alb],availableReplicas:int,blueGreen:{activeSelector:str, \
    postPromotionAnalysisRunStatus:@run,prePromotionAnalysisRunStatus:@run, \
    previewSelector:str,scaleUpPreviewCheckPoint:bool},canary:{ \
    currentBackgroundAnalysisRunStatus:@run,currentExperiment:str, \
    currentStepAnalysisRunStatus:@run,stablePingPong:str,stepPluginStatuses:[{backoff:str, \
    disabled:bool,executions:int,finishedAt:time,index!:int,message:str,name!:str, \
    operation!:str,phase:str,startedAt:time,status:*,updatedAt:time}],weights:{additional:[ \
    @weight],canary!:@weight,stable!:@weight,verified:bool}},collisionCount:int,conditions:[ \
    @condition],controllerPause:bool,currentPodHash:str,currentStepHash:str, \
    currentStepIndex:int,message:str,observedGeneration:str,pauseConditions:[{reason!:str, \
    startTime!:time}],phase:str,promoteFull:bool,readyReplicas:int,replicas:int, \
    restartedAt:time,selector:str,stableRS:str,updatedReplicas:int, \
    workloadObservedGeneration:str}}";

/// AnalysisRun of Argo Rollouts 1.10.
pub(super) const ANALYSIS_RUN: &str = "\
    {spec!:{args:[{name!:str,value:str,valueFrom:{fieldRef:{fieldPath!:str},secretKeyRef:{ \
    key!:str,name!:str}}}],dryRun:[{metricName!:str}],measurementRetention:[{limit!:int, \
    metricName!:str}],metrics!:[{consecutiveErrorLimit:intstr, \
    consecutiveSuccessLimit:intstr,count:intstr,failureCondition:str,failureLimit:intstr, \
    inconclusiveLimit:intstr,initialDelay:str,interval:str,name!:str,provider!:*, \
    successCondition:str}],terminate:bool,ttlStrategy:{secondsAfterCompletion:int, \
    secondsAfterFailure:int,secondsAfterSuccess:int}},status:{completedAt:time, \
    dryRunSummary:{count:int,error:int,failed:int,inconclusive:int,successful:int}, \
    message:str,metricResults:[{consecutiveError:int,consecutiveSuccess:int,count:int, \
    dryRun:bool,error:int,failed:int,inconclusive:int,measurements:[{finishedAt:time, \
    message:str,metadata:<str>,phase!:str,resumeAt:time,startedAt:time,value:str}], \
    message:str,metadata:<str>,name!:str,phase!:str,successful:int}],phase!:str,runSummary:{ \
    count:int,error:int,failed:int,inconclusive:int,successful:int},startedAt:time}}";

/// AnalysisTemplate and `ClusterAnalysisTemplate` of Argo Rollouts 1.10.
pub(super) const ANALYSIS_TEMPLATE: &str = "\
    {spec!:{args:[{name!:str,value:str,valueFrom:{fieldRef:{fieldPath!:str},secretKeyRef:{ \
    key!:str,name!:str}}}],dryRun:[{metricName!:str}],measurementRetention:[{limit!:int, \
    metricName!:str}],metrics:[{consecutiveErrorLimit:intstr,consecutiveSuccessLimit:intstr, \
    count:intstr,failureCondition:str,failureLimit:intstr,inconclusiveLimit:intstr, \
    initialDelay:str,interval:str,name!:str,provider!:*,successCondition:str}],templates:[{ \
    clusterScope:bool,templateName:str}]}}";

/// Experiment of Argo Rollouts 1.10.
pub(super) const EXPERIMENT: &str = "\
    {spec!:{analyses:[{args:[{name!:str,value:str,valueFrom:{fieldRef:{fieldPath!:str}, \
    secretKeyRef:{key!:str,name!:str}}}],clusterScope:bool,name!:str, \
    requiredForCompletion:bool,templateName!:str}],analysisRunMetadata:@meta,dryRun:[{ \
    metricName!:str}],duration:str,measurementRetention:[{limit!:int,metricName!:str}], \
    progressDeadlineSeconds:int,scaleDownDelaySeconds:int,templates!:[{minReadySeconds:int, \
    name!:str,replicas:int,selector!:@selector,service:{name:str},template!:{metadata:*, \
    spec:*}}],terminate:bool},status:{analysisRuns:[{analysisRun!:str,message:str,name!:str, \
    phase!:str}],availableAt:time,conditions:[@condition],message:str,phase:str, \
    templateStatuses:[{availableReplicas!:int,collisionCount:int,lastTransitionTime:time, \
    message:str,name!:str,podTemplateHash:str,readyReplicas!:int,replicas!:int, \
    serviceName:str,status:str,updatedReplicas!:int}]}}";

/// Deployment.
pub(super) const DEPLOYMENT: &str = "\
    {spec:{replicas:int,selector:@selector,template:{metadata:*,spec:*},strategy:{type:str, \
    rollingUpdate:{maxUnavailable:intstr,maxSurge:intstr}},minReadySeconds:int, \
    revisionHistoryLimit:int,paused:bool,progressDeadlineSeconds:int},status:{ \
    observedGeneration:int,replicas:int,updatedReplicas:int,readyReplicas:int, \
    availableReplicas:int,unavailableReplicas:int,terminatingReplicas:int,conditions:[{ \
    type:str,status:str,lastUpdateTime:time,lastTransitionTime:time,reason:str,message:str}], \
    collisionCount:int}}";

/// ReplicaSet.
pub(super) const REPLICA_SET: &str = "\
    {spec:{replicas:int,minReadySeconds:int,selector:@selector,template:{metadata:*,spec:*}}, \
    status:{replicas:int,fullyLabeledReplicas:int,readyReplicas:int,availableReplicas:int, \
    terminatingReplicas:int,observedGeneration:int,conditions:[*]}}";

/// StatefulSet.
pub(super) const STATEFUL_SET: &str = "\
    {spec:{replicas:int,selector:@selector,template:{metadata:*,spec:*},volumeClaimTemplates:[*], \
    serviceName:str,podManagementPolicy:str,updateStrategy:{type:str,rollingUpdate:{partition:int, \
    maxUnavailable:intstr}},revisionHistoryLimit:int,minReadySeconds:int, \
    persistentVolumeClaimRetentionPolicy:*,ordinals:*},status:{observedGeneration:int,replicas:int, \
    readyReplicas:int,currentReplicas:int,updatedReplicas:int,currentRevision:str, \
    updateRevision:str,collisionCount:int,conditions:[*],availableReplicas:int}}";

/// DaemonSet.
pub(super) const DAEMON_SET: &str = "\
    {spec:{selector:@selector,template:{metadata:*,spec:*},updateStrategy:{type:str, \
    rollingUpdate:{maxUnavailable:intstr,maxSurge:intstr}},minReadySeconds:int, \
    revisionHistoryLimit:int},status:{currentNumberScheduled:int,numberMisscheduled:int, \
    desiredNumberScheduled:int,numberReady:int,observedGeneration:int,updatedNumberScheduled:int, \
    numberAvailable:int,numberUnavailable:int,collisionCount:int,conditions:[*]}}";

/// ConfigMap.
pub(super) const CONFIG_MAP: &str = "{data:<str>,binaryData:<str>,immutable:bool}";

/// Event of the core group.
pub(super) const EVENT: &str = "\
    {involvedObject:{kind:str,namespace:str,name:str,uid:str,apiVersion:str,resourceVersion:str, \
    fieldPath:str},reason:str,message:str,source:{component:str,host:str},firstTimestamp:time, \
    lastTimestamp:time,count:int,type:str,eventTime:time,series:*,action:str,related:*, \
    reportingComponent:str,reportingInstance:str}";

/// Lease.
pub(super) const LEASE: &str = "\
    {spec:{holderIdentity:str,leaseDurationSeconds:int,acquireTime:time,renewTime:time, \
    leaseTransitions:int,strategy:str,preferredHolder:str}}";

/// Scale of `autoscaling/v1`.
pub(super) const SCALE: &str = "{spec:{replicas:int},status:{replicas:int,selector:str}}";
