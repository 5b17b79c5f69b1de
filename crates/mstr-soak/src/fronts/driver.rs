//! What happens to the nodes while the clients work.

use std::time::Duration;

use fastrand::Rng;

use super::front::Front;
use super::load::Load;
use super::node::Node;
use crate::Result;

/// What was done to the nodes, and what was wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) kills: usize,
    pub(crate) storms: usize,
    /// Sessions of ours that ended by this.
    pub(crate) ended: usize,
    pub(crate) wrong: Vec<String>,
}

pub(crate) struct Driver<'a> {
    pub(crate) front: &'a Front,
    pub(crate) nodes: &'a mut [Node; 2],
    pub(crate) load: &'a Load,
    pub(crate) rng: Rng,
    pub(crate) diary: Diary,
}

impl Driver<'_> {
    /// Kills nodes and ends sessions until the clients have made all their calls. All nodes are up
    /// again at the end. Nothing happens before all clients have recovered from what happened
    /// before: see [`Load::recovers`].
    pub(crate) async fn run(mut self) -> Result<Diary> {
        while self.load.recovers().await {
            self.look("before a disturbance").await?;
            tokio::time::sleep(Duration::from_millis(self.rng.u64(100..1000))).await;
            if self.rng.bool() {
                self.storm().await?;
                continue;
            }
            let victim = self.victim().await?;
            self.kill(victim).await?;
            if self.load.recovers().await && self.rng.bool() {
                self.look("with a node down").await?;
                self.storm().await?;
                self.load.recovers().await;
            }
            self.nodes[victim].restart().await?;
            self.front.reaches(self.nodes[victim].name).await?;
            for node in self.nodes.iter() {
                node.forget_requests().await?;
            }
        }
        Ok(self.diary)
    }

    /// Ends all sessions of all nodes, on the node that holds ours last: the clients log in again
    /// within a millisecond, maybe on a node that would be next, and that would be a second expiry
    /// right behind the re-login.
    async fn storm(&mut self) -> Result {
        let holder = self.holder().await?;
        for node in [1 - holder, holder] {
            self.diary.ended += self.nodes[node].expire().await?;
        }
        self.diary.storms += 1;
        Ok(())
    }

    async fn kill(&mut self, victim: usize) -> Result {
        self.diary.ended += self.nodes[victim].sessions().await?;
        self.diary.kills += 1;
        self.nodes[victim].kill()
    }

    /// The node that holds the session.
    async fn holder(&self) -> Result<usize> {
        Ok(usize::from(self.nodes[1].sessions().await? > 0))
    }

    /// The node that holds the session, two times out of three.
    async fn victim(&mut self) -> Result<usize> {
        let holder = self.holder().await?;
        Ok(if self.rng.u8(0..3) < 2 { holder } else { 1 - holder })
    }

    /// The clients share one session, so that one is there: a second one would be lost.
    async fn look(&mut self, when: &str) -> Result {
        let mut sessions = Vec::new();
        for node in self.nodes.iter() {
            sessions.push(node.sessions().await?);
        }
        if sessions.iter().sum::<usize>() != 1 && !self.load.is_over() {
            self.diary.wrong.push(format!("{sessions:?} sessions on the nodes {when}"));
        }
        Ok(())
    }
}
