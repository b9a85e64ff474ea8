//! Flows, for the operator.

use crate::model::{Flow, PublicId};
use crate::service::{Service, ServiceError};
use crate::store::flows;

impl Service {
    /// The flow with an id, else the flows with a title, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn flows_named(&self, name: &str) -> Result<Vec<Flow>, ServiceError> {
        let name = name.to_owned();
        self.store
            .read(move |view| {
                if let Some(uuid) = PublicId::parse(&name) {
                    if let Some(flow) = flows::by_uuid(view, uuid)? {
                        return Ok(vec![flow]);
                    }
                }
                let all = flows::all(view)?.into_iter().map(|(flow, _)| flow);
                Ok(all
                    .filter(|flow| flow.title.as_deref() == Some(&name))
                    .collect())
            })
            .await
    }
}
