// Escape leaves a list of people; the link below the list does the same without script.
'use strict';
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && document.getElementById('ung-vien')) location.assign('/');
});
