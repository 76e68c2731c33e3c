//! One person's data, on the person's request: taken out to be given, and erased.
//!
//! Promise: both stand in the access log; what cannot be erased is counted and said; an erasure that was cut off is finished by the next one, or by the service. Never: a person named in a log or an error.

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::PersonKey;
use crate::domain::scan;
use crate::storage::visits::Erased;
use crate::storage::visits::LoggedVisit;
use crate::storage::visits::Numbers;

use super::Desk;
use super::LookUpError;

impl Desk {
    /// All that is kept of a person's visits, by a number or a scan.
    pub async fn export_person(&self, text: &str) -> Result<Vec<LoggedVisit>, LookUpError> {
        let (numbers, about) = numbers(text)?;
        let visits = self.visits.all_of_person(&numbers).await.map_err(LookUpError::Storage)?;
        self.noted(Act::PersonExported, about).await;
        Ok(visits)
    }

    /// Erases a person's visits and what the province answered about the person, as far as nothing is still to be done.
    pub async fn erase_person(&self, text: &str) -> Result<Erased, LookUpError> {
        let (numbers, about) = numbers(text)?;
        // While the visits still tie the person's numbers to each other.
        let all = self.visits.all_numbers(&numbers).await.map_err(LookUpError::Storage)?;
        let answers = self.cards.forget_answers(all).await.map_err(LookUpError::Storage)?;
        let erased = self.visits.erase_person(&numbers, self.time.now().at).await.map_err(LookUpError::Storage)?;
        // It is done, whatever becomes of the bytes. Where nothing was taken out, somebody has asked whether there is anything.
        if erased.removed + erased.aside > 0 || answers > 0 {
            self.noted(Act::PersonErased, about).await;
        } else {
            self.noted(Act::LookedUp, About { detail: Some(Detail::code("nothing_erased")), ..about }).await;
        }
        self.visits.finish_erasure().await.map_err(LookUpError::Storage)?;
        Ok(erased)
    }
}

fn numbers(text: &str) -> Result<(Numbers, About), LookUpError> {
    let read = scan::read(text).map_err(LookUpError::Unreadable)?;
    let insurance_number = read.insurance_number.clone().or_else(|| read.card_number.as_ref().map(|card| card.insurance_number()));
    let about = About { person: PersonKey::of_numbers(read.personal_id.as_ref(), insurance_number.as_ref()), ..About::default() };
    Ok((Numbers { personal_id: read.personal_id, insurance_number }, about))
}
