//! Who asks, and what each may do: tokens, users and rules, as RBAC would decide.

use serde_json::{Value, json};

/// What is done with objects that do not exist as such: nobody needs a right of his own for it.
const BASIC: &str = "system:basic-user";
const DISCOVERY: &str = "system:discovery";
const PUBLIC: &str = "system:public-info-viewer";

/// Paths outside the resources that every known user may read.
const OPEN_PATHS: [&str; 11] = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];

/// Those that tell nothing worth hiding.
const PUBLIC_PATHS: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

/// Somebody the cluster knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// His name: `captain@example.test`.
    pub name: String,
    /// His groups, without `system:authenticated`.
    pub groups: Vec<String>,
    /// The secret that proves him.
    pub token: String,
    /// What he may do.
    pub rules: Vec<Rule>,
}

/// A right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The role it comes from, and its binding: for the reason in a review.
    pub role: &'static str,
    /// Groups of resources; `*` is any.
    pub groups: Vec<String>,
    /// Resources with subresource: `rollouts/status`; `*` is any.
    pub resources: Vec<String>,
    /// Verbs; `*` is any.
    pub verbs: Vec<String>,
    /// Namespaces; empty: everywhere.
    pub namespaces: Vec<String>,
}

/// What a cluster does with a request that carries no token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Takes it for the first user: the simulated connection itself proves him, as a client
    /// certificate would.
    #[default]
    First,
    /// Lets it in as `system:anonymous`, who may nothing.
    Nobody,
    /// Refuses it.
    Refused,
}

/// The users of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// What happens without a token.
    pub anonymous: Anonymous,
    /// Everybody the cluster knows; the first is its administrator.
    pub users: Vec<User>,
}

/// A request as the authorizer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Something with resources.
    Resource {
        /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
        verb: String,
        /// The group.
        group: String,
        /// The resource, with its subresource after a slash.
        resource: String,
        /// The namespace; empty: the whole cluster.
        namespace: String,
        /// The object; empty: the collection.
        name: String,
    },
    /// A path outside the resources.
    Path {
        /// The method in small letters.
        verb: String,
        /// The path.
        path: String,
    },
}

impl Default for Access {
    fn default() -> Self {
        let read = || {
            let groups = [
                "",
                "apps",
                "argoproj.io",
                "flagger.app",
                "gateway.networking.k8s.io",
                "networking.k8s.io",
                "coordination.k8s.io",
                "events.k8s.io",
            ];
            vec![Rule::new("release-viewer", &groups, &["*"], &["get", "list", "watch"])]
        };
        let operate = || read().into_iter().chain(operator_rules()).collect::<Vec<_>>();
        let rescue = || operate().into_iter().chain(firefighter_rules()).collect();
        Self {
            anonymous: Anonymous::First,
            users: vec![
                User::new("admin", vec![Rule::new("cluster-admin", &["*"], &["*"], &["*"])]),
                User::new("oncall", rescue()),
                User::new("captain", operate()),
                User::new("viewer", read()),
                User::new("nobody", Vec::new()),
            ],
        }
    }
}

fn operator_rules() -> [Rule; 5] {
    let role = "release-operator";
    let (change, lease) = (["patch", "update"], ["get", "create", "update", "patch", "delete"]);
    let argo = ["rollouts", "rollouts/status", "analysisruns"];
    let native = ["deployments", "statefulsets", "daemonsets"];
    [
        Rule::new(role, &["argoproj.io"], &argo, &change),
        Rule::new(role, &["flagger.app"], &["canaries", "canaries/status"], &change),
        Rule::new(role, &["apps"], &native, &change),
        Rule::new(role, &[""], &["pods/proxy"], &["get"]),
        Rule::new(role, &["coordination.k8s.io"], &["leases"], &lease),
    ]
}

fn firefighter_rules() -> [Rule; 5] {
    let role = "release-firefighter";
    let scale = ["deployments/scale", "statefulsets/scale"];
    [
        Rule::new(role, &["gateway.networking.k8s.io"], &["httproutes"], &["patch"]),
        Rule::new(role, &["apps"], &scale, &["patch", "update"]),
        Rule::new(role, &[""], &["services/proxy"], &["get", "create"]),
        Rule::new(role, &[""], &["pods"], &["delete"]),
        Rule::new(role, &["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

impl User {
    /// A user whose token and group are his short name.
    #[must_use]
    pub fn new(name: &str, rules: Vec<Rule>) -> Self {
        let groups = vec![if name == "admin" { "system:masters" } else { name }.to_owned()];
        let full = if name == "admin" { name.to_owned() } else { format!("{name}@example.test") };
        Self { name: full, groups, token: name.to_owned(), rules }
    }

    /// Somebody without a proof.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            token: String::new(),
            rules: Vec::new(),
        }
    }

    /// `userInfo` of reviews and of the audit trail.
    #[must_use]
    pub fn info(&self) -> Value {
        let mut groups = self.groups.clone();
        if self.name != "system:anonymous" {
            groups.push("system:authenticated".into());
        }
        json!({"username": self.name, "groups": groups})
    }

    /// Whether he may do it, and by which right.
    #[must_use]
    pub fn may(&self, asked: &Asked) -> Option<String> {
        let by = |binding: &str, role: &str, group: &str| {
            format!(
                "RBAC: allowed by ClusterRoleBinding \"{binding}\" of ClusterRole \"{role}\" \
                 to Group \"{group}\""
            )
        };
        let all = "system:authenticated";
        if self.name != "system:anonymous" {
            match asked {
                Asked::Path { verb, path } if verb == "get" && is_open(path) => {
                    let is_public = PUBLIC_PATHS.contains(&path.as_str());
                    let role = if is_public { PUBLIC } else { DISCOVERY };
                    return Some(by(role, role, all));
                }
                Asked::Resource { verb, group, resource, .. }
                    if verb == "create" && is_self_review(group, resource) =>
                {
                    return Some(by(BASIC, BASIC, all));
                }
                Asked::Path { .. } | Asked::Resource { .. } => {}
            }
        }
        let rule = self.rules.iter().find(|rule| rule.covers(asked))?;
        let group = self.groups.first().map_or("", String::as_str);
        // A member of system:masters is let in before any rule is read.
        if group == "system:masters" {
            return Some(String::new());
        }
        Some(by(rule.role, rule.role, group))
    }

    /// `resourceRules` and `nonResourceRules` of a rules review in a namespace.
    #[must_use]
    pub fn rules_in(&self, namespace: &str) -> (Value, Value) {
        let mut resources: Vec<Value> = self
            .rules
            .iter()
            .filter(|rule| rule.namespaces.is_empty() || rule.is_in(namespace))
            .map(|rule| {
                json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources})
            })
            .collect();
        let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
        resources.push(json!({
            "verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": reviews,
        }));
        resources.push(json!({
            "verbs": ["create"], "apiGroups": ["authentication.k8s.io"],
            "resources": ["selfsubjectreviews"],
        }));
        let mut paths = vec![json!({"verbs": ["get"], "nonResourceURLs": OPEN_PATHS})];
        if self.rules.iter().any(|rule| rule.verbs.iter().any(|verb| verb == "*")) {
            paths.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
        }
        paths.push(json!({"verbs": ["get"], "nonResourceURLs": PUBLIC_PATHS}));
        (resources.into(), paths.into())
    }
}

impl Rule {
    /// A rule for every namespace.
    #[must_use]
    pub fn new(role: &'static str, groups: &[&str], resources: &[&str], verbs: &[&str]) -> Self {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (groups, resources, verbs) = (own(groups), own(resources), own(verbs));
        Self { role, groups, resources, verbs, namespaces: Vec::new() }
    }

    /// The same in some namespaces only.
    #[must_use]
    pub fn only_in(mut self, namespaces: &[&str]) -> Self {
        self.namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    fn is_in(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|each| each == namespace)
    }

    fn covers(&self, asked: &Asked) -> bool {
        let has =
            |words: &[String], word: &str| words.iter().any(|each| each == "*" || each == word);
        match asked {
            Asked::Path { .. } => has(&self.verbs, "*") && has(&self.resources, "*"),
            Asked::Resource { verb, group, resource, namespace, .. } => {
                has(&self.verbs, verb)
                    && has(&self.groups, group)
                    && has(&self.resources, resource)
                    && (self.namespaces.is_empty() || self.is_in(namespace))
            }
        }
    }
}

impl Access {
    /// Who sends this token; `None`: nobody the cluster lets in.
    #[must_use]
    pub fn user(&self, token: Option<&str>) -> Option<User> {
        match token {
            Some(token) => self.users.iter().find(|user| user.token == token).cloned(),
            None => match self.anonymous {
                Anonymous::First => self.users.first().cloned(),
                Anonymous::Nobody => Some(User::anonymous()),
                Anonymous::Refused => None,
            },
        }
    }
}

impl Asked {
    /// The refusal in the API server's words.
    #[must_use]
    pub fn refused_to(&self, user: &User) -> (String, Value) {
        let name = &user.name;
        match self {
            Self::Path { verb, path } => {
                (format!("forbidden: User \"{name}\" cannot {verb} path \"{path}\""), json!({}))
            }
            Self::Resource { verb, group, resource, namespace, name: object } => {
                let plural = resource.split('/').next().unwrap_or_default();
                let qualified =
                    if group.is_empty() { plural.into() } else { format!("{plural}.{group}") };
                let which =
                    if object.is_empty() { qualified } else { format!("{qualified} \"{object}\"") };
                let place = if namespace.is_empty() {
                    "at the cluster scope".to_owned()
                } else {
                    format!("in the namespace \"{namespace}\"")
                };
                let mut details = serde_json::Map::new();
                for (key, value) in [("name", object.as_str()), ("group", group), ("kind", plural)]
                {
                    if !value.is_empty() {
                        details.insert(key.into(), value.into());
                    }
                }
                let told = format!(
                    "{which} is forbidden: User \"{name}\" cannot {verb} resource \"{resource}\" \
                     in API group \"{group}\" {place}"
                );
                (told, details.into())
            }
        }
    }
}

fn is_open(path: &str) -> bool {
    OPEN_PATHS.iter().any(|open| match open.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == *open,
    })
}

fn is_self_review(group: &str, resource: &str) -> bool {
    matches!(
        (group, resource),
        ("authentication.k8s.io", "selfsubjectreviews")
            | ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(verb: &str, group: &str, resource: &str) -> Asked {
        Asked::Resource {
            verb: verb.into(),
            group: group.into(),
            resource: resource.into(),
            namespace: "shop".into(),
            name: "web".into(),
        }
    }

    #[test]
    fn each_user_may_what_the_live_plane_lets_him() {
        let access = Access::default();
        let table = [
            ("admin", "delete", "argoproj.io", "rollouts", true),
            ("captain", "patch", "argoproj.io", "rollouts/status", true),
            ("captain", "get", "", "pods/log", true),
            ("captain", "create", "", "events", false),
            ("captain", "patch", "apps", "deployments/scale", false),
            ("oncall", "patch", "apps", "deployments/scale", true),
            ("oncall", "create", "", "events", true),
            ("viewer", "watch", "", "pods", true),
            ("viewer", "patch", "argoproj.io", "rollouts", false),
            ("viewer", "create", "authentication.k8s.io", "selfsubjectreviews", true),
            ("nobody", "get", "", "pods", false),
            ("nobody", "create", "authorization.k8s.io", "selfsubjectaccessreviews", true),
        ];
        for (token, verb, group, resource, expected) in table {
            let user = access.user(Some(token)).unwrap();
            // "*" as a resource covers subresources too.
            let may = user.may(&asked(verb, group, resource)).is_some();
            assert_eq!(may, expected, "{token} {verb} {resource}");
        }
        assert_eq!(access.user(Some("stolen")), None);
    }

    #[test]
    fn a_refusal_has_the_servers_words() {
        let viewer = Access::default().user(Some("viewer")).unwrap();
        let (told, details) = asked("patch", "argoproj.io", "rollouts/status").refused_to(&viewer);
        assert_eq!(
            told,
            "rollouts.argoproj.io \"web\" is forbidden: User \"viewer@example.test\" cannot patch \
             resource \"rollouts/status\" in API group \"argoproj.io\" in the namespace \"shop\""
        );
        assert_eq!(details, json!({"name": "web", "group": "argoproj.io", "kind": "rollouts"}));
    }

    #[test]
    fn without_a_token_the_cluster_decides() {
        let mut access = Access::default();
        assert_eq!(access.user(None).unwrap().name, "admin");
        access.anonymous = Anonymous::Nobody;
        let anonymous = access.user(None).unwrap();
        assert_eq!(anonymous.may(&asked("get", "", "pods")), None);
        access.anonymous = Anonymous::Refused;
        assert_eq!(access.user(None), None);
    }

    #[test]
    fn a_rule_can_be_held_to_namespaces() {
        let rule = Rule::new("r", &[""], &["pods"], &["get"]).only_in(&["other"]);
        assert!(User::new("x", vec![rule.clone()]).may(&asked("get", "", "pods")).is_none());
        let here = rule.only_in(&["shop"]);
        assert!(User::new("x", vec![here]).may(&asked("get", "", "pods")).is_some());
    }
}
