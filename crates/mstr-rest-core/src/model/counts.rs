//! Counts of events, to check that the runs cover them.

/// The number of events of each kind in one or more runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) exchanges: usize,
    pub(super) most_exchanges: usize,
    pub(super) resolutions: usize,
    pub(super) logins: usize,
    pub(super) relogins: usize,
    pub(super) logouts: usize,
    pub(super) expiries: usize,
    pub(super) rotations: usize,
    pub(super) rejections: usize,
    pub(super) lost_logins: usize,
    pub(super) local_changes: usize,
    pub(super) quiet_windows: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        self.most_exchanges = self.most_exchanges.max(other.exchanges);
        self.resolutions += other.resolutions;
        self.logins += other.logins;
        self.relogins += other.relogins;
        self.logouts += other.logouts;
        self.expiries += other.expiries;
        self.rotations += other.rotations;
        self.rejections += other.rejections;
        self.lost_logins += other.lost_logins;
        self.local_changes += other.local_changes;
        self.quiet_windows += other.quiet_windows;
    }

    /// Fails if one kind of event never happened: the runs would not test it.
    pub(super) fn check(&self) {
        let all = [
            self.relogins,
            self.logouts,
            self.expiries,
            self.rotations,
            self.rejections,
            self.lost_logins,
            self.local_changes,
            self.quiet_windows,
        ];
        assert!(all.iter().all(|count| *count > 0), "{self:?}");
    }
}
