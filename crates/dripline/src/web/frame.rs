//! The frame around a page: where one is, where one can go.

use super::viewer::Viewer;

/// The places of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Home,
    Messenger,
    Contacts,
    Workflows,
    Numbers,
    Billing,
    Simulator,
    Settings,
    /// All workspaces, for whoever runs the installation.
    Operator,
    /// A page that is in no place of the navigation.
    None,
}

impl Section {
    /// The place that an address is in, by its first part.
    pub(crate) fn of(path: &str) -> Self {
        let first = |address: &str| address.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
        let within = |place: &&Place| first(place.address) == first(path);
        PLACES.iter().find(within).map_or(Self::None, |place| place.section)
    }
}

/// One entry of the navigation.
pub(crate) struct Place {
    pub(crate) section: Section,
    pub(crate) name: &'static str,
    pub(crate) address: &'static str,
    pub(crate) icon: super::format::Icon,
    /// The keys that lead there.
    pub(crate) key: &'static str,
    /// Whether it is in the bar at the bottom of a phone; the others are under *More*.
    pub(crate) main: bool,
}

use super::format::Icon;

const PLACES: &[Place] = &[
    place(Section::Home, "Home", "/", Icon("house"), "g h", true),
    place(Section::Messenger, "Messenger", "/messenger", Icon("messages-square"), "g m", true),
    place(Section::Contacts, "Contacts", "/contacts", Icon("contact-round"), "g c", true),
    place(Section::Workflows, "Workflows", "/workflows", Icon("workflow"), "g w", true),
    place(Section::Numbers, "Numbers", "/numbers", Icon("phone"), "g n", false),
    place(Section::Billing, "Billing", "/billing", Icon("wallet"), "g b", false),
    place(Section::Simulator, "Phone simulator", "/simulator", Icon("smartphone"), "g p", false),
    place(Section::Settings, "Settings", "/settings", Icon("settings"), "g s", false),
    place(Section::Operator, "Installation", "/operator", Icon("server-cog"), "g i", false),
];

const fn place(
    section: Section,
    name: &'static str,
    address: &'static str,
    icon: Icon,
    key: &'static str,
    main: bool,
) -> Place {
    Place { section, name, address, icon, key, main }
}

/// What a page tells its frame.
pub(crate) struct Frame<'v> {
    pub(crate) title: String,
    pub(crate) section: Section,
    pub(crate) viewer: &'v Viewer,
}

impl<'v> Frame<'v> {
    pub(crate) fn new(title: impl Into<String>, section: Section, viewer: &'v Viewer) -> Self {
        Self { title: title.into(), section, viewer }
    }

    /// Where whoever looks can go.
    pub(crate) fn places(&self) -> Vec<&'static Place> {
        let operates = self.viewer.presence.operator.is_some();
        PLACES.iter().filter(|place| operates || place.section != Section::Operator).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_place_that_its_first_part_names() {
        for (path, section) in [
            ("/", Section::Home),
            ("/contacts", Section::Contacts),
            ("/contacts/con_1/consent", Section::Contacts),
            ("/contactsx", Section::None),
            ("/settings/carriers", Section::Settings),
            ("/operator/plans", Section::Operator),
            ("/nowhere", Section::None),
        ] {
            assert_eq!(Section::of(path), section, "{path}");
        }
    }
}
